import { once } from "node:events";
import { readdir, realpath, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { toNodeHandler } from "../adapters/node/index.ts";
import { DownloadError } from "../errors.ts";
import { PathDownloadView } from "../views/path-download-view.ts";
import { exitCode, UsageError, type CommandIO } from "./signing-options.ts";

export const serveHelp: string = `downloadview serve [FOLDER] [options]

Serves the files of a folder, with a listing, until Ctrl-C. Default: the working directory. Dotfiles, and symlinks that
leave the folder, are not served.

  --port PORT     default 3000; 0 takes any free port
  --host ADDRESS  default 127.0.0.1: this machine alone. 0.0.0.0 serves the network, without a password
  --attachment    files are saved, not shown
`;

/** `downloadview serve`. Resolves with the exit code: 0 when `stop` aborts, or 2 for arguments that can't be used. */
export function runServe(
  args: readonly string[],
  io: CommandIO,
  folder: string = process.cwd(),
  stop: AbortSignal = interrupted(),
): Promise<number> {
  return exitCode(io, "serve", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        attachment: { type: "boolean", default: false },
        help: { type: "boolean", short: "h" },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "3000" },
      },
    });
    if (values.help) {
      io.stdout(serveHelp);
      return 0;
    }
    if (positionals.length > 1) throw new UsageError(`One folder, got ${positionals.length}`);
    const root = resolve(folder, positionals[0] ?? ".");
    if (!(await isFolder(root))) throw new UsageError(`${JSON.stringify(positionals[0] ?? ".")} is not a folder`);
    const server = createServer(folderHandler(root, values.attachment, isLoopback(values.host)));
    server.listen(portOf(values.port), values.host);
    try {
      await once(server, "listening");
    } catch (error) {
      throw new UsageError(notListening(error as NodeJS.ErrnoException, values.port, values.host));
    }
    const { address, port, family } = server.address() as AddressInfo;
    io.stdout(`Serving ${root} at http://${family === "IPv6" ? `[${address}]` : address}:${port}/\n`);
    if (!stop.aborted) await once(stop, "abort");
    server.close();
    server.closeAllConnections();
    return 0;
  });
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--port must be a number from 0 to 65535, got ${JSON.stringify(text)}`);
}

function notListening({ code, message }: NodeJS.ErrnoException, port: string, host: string): string {
  if (code === "EADDRINUSE") return `Port ${port} is taken. Choose another one: --port 0 takes any that is free`;
  if (code === "EACCES") return `Port ${port} needs more rights. Choose one above 1023`;
  return `Can't listen at ${host}: ${message}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves the files below `root`, and for a folder a page that lists it. */
function folderHandler(root: string, attachment: boolean, localOnly: boolean): Handler {
  const view = PathDownloadView.asView({ root, attachment });
  const files = toNodeHandler(view, {
    params: (request) => ({ path: segmentsOf(request.url)?.join("/") ?? "" }),
  });
  return (request, response) => {
    // A page of another site can make its own name lead to this machine (DNS rebinding), and would read the files.
    if (localOnly && !isLoopback(hostOf(request))) return respond(response, 403, "This server is for localhost\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return respond(response, 405, "Method not allowed\n");
    }
    const segments = segmentsOf(request.url);
    if (segments === undefined) return respond(response, 404, "Not found\n");
    const list = (): void => {
      void listing(root, segments, request)
        .catch(() => undefined)
        .then((page) => (page ? sendPage(response, page) : respond(response, 404, "Not found\n")));
    };
    if (segments.length === 0 || pathOf(request.url).endsWith("/")) return list();
    void files(request, response, (error) => (error ? respond(response, statusOf(error), "Failed\n") : list()));
  };
}

function statusOf(error: unknown): number {
  return error instanceof DownloadError ? error.status : 500;
}

function hostOf({ headers: { host = "" } }: IncomingMessage): string {
  return host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function pathOf(url = "/"): string {
  return url.replace(/[?#].*$/s, "");
}

/** The decoded segments of a path; undefined for one that may not be served. */
function segmentsOf(url: string | undefined): string[] | undefined {
  try {
    const segments = pathOf(url).replace(/^\//, "").replace(/\/$/, "").split("/").map(decodeURIComponent);
    if (segments.length === 1 && segments[0] === "") return [];
    // An empty segment, a dotfile, `.` and `..`, and separators that were encoded.
    return segments.every((segment) => /^[^./\\\0][^/\\\0]*$/.test(segment)) ? segments : undefined;
  } catch {
    return undefined;
  }
}

type Page = { readonly location: string } | { readonly html: string };

async function listing(root: string, segments: readonly string[], { url }: IncomingMessage): Promise<Page | undefined> {
  const base = await realpath(root);
  const folder = await realpath(join(base, ...segments));
  if (folder !== base && !folder.startsWith(base.endsWith(sep) ? base : base + sep)) return undefined;
  // A symlink may lead to a hidden folder.
  if (
    folder
      .slice(base.length)
      .split(sep)
      .some((segment) => segment.startsWith("."))
  )
    return undefined;
  const entries = await readdir(folder, { withFileTypes: true });
  const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
  if (!pathOf(url).endsWith("/")) return { location: `${path}/` };
  const rows = entries
    .filter(
      (entry) => !entry.name.startsWith(".") && !entry.name.includes("\\") && (entry.isFile() || entry.isDirectory()),
    )
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort((one, other) => Number(other.endsWith("/")) - Number(one.endsWith("/")) || one.localeCompare(other))
    .map((name) => `<li><a href="${path}/${linkTo(name)}"><bdi>${escaped(name)}</bdi></a></li>`);
  const title = escaped(`/${segments.join("/")}`);
  const up = segments.length > 0 ? `<li><a href="../">Up</a></li>` : "";
  return { html: document(title, `${up}${rows.join("\n")}` || "<li>This folder is empty.</li>") };
}

function linkTo(name: string): string {
  return name.endsWith("/") ? `${encodeURIComponent(name.slice(0, -1))}/` : encodeURIComponent(name);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

function document(title: string, items: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
li { padding: 0.25rem 0 }
</style>
<h1>${title}</h1>
<ul>
${items}
</ul>
</html>
`;
}

function sendPage(response: ServerResponse, page: Page): void {
  if ("location" in page) {
    response.setHeader("Location", page.location);
    return respond(response, 307, "");
  }
  response.setHeader(
    "Content-Security-Policy",
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  );
  respond(response, 200, page.html, "text/html; charset=utf-8");
}

function respond(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(text);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
