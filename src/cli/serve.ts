import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { toNodeHandler } from "../adapters/node/index.ts";
import { DownloadError } from "../errors.ts";
import { signatureRequired } from "../signing/signature-required.ts";
import { URLSigner } from "../signing/url-signer.ts";
import { PathDownloadView } from "../views/path-download-view.ts";
import { parseDuration, exitCode, UsageError, type CommandIO } from "./signing-options.ts";
import { listing, type Page } from "./listing.ts";

export const serveHelp: string = `downloadview serve [FOLDER] [options]

Serves the files of a folder, with a listing, until Ctrl-C. Default: the working directory. Dotfiles, and symlinks that
leave the folder, are not served.

  --port PORT     default 3000; 0 takes any free port
  --host ADDRESS  default 127.0.0.1: this machine alone. 0.0.0.0 serves the network, without a password
  --attachment    files are saved, not shown
  --links TIME    the listing has a signed link beside each file, which works for this time (1h, 7d, …). A request
                  that does not come from this machine needs such a link, and gets no listing
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
        links: { type: "string" },
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
    const { attachment, host, links } = values;
    const life = links === undefined ? undefined : lifeOf(links);
    const server = createServer(folderHandler({ root, attachment, localOnly: isLoopback(host) && !life, life }));
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

interface FolderOptions {
  readonly root: string;
  readonly attachment: boolean;
  /** Whether only this machine is answered. */
  readonly localOnly: boolean;
  /** How long a signed link works, in seconds. Undefined: there are none, and none is needed. */
  readonly life: number | undefined;
}

/** Serves the files below `root`, and for a folder a page that lists it. */
function folderHandler({ root, attachment, localOnly, life }: FolderOptions): Handler {
  const view = PathDownloadView.asView({ root, attachment });
  const params = (request: IncomingMessage): { path: string } => ({ path: segmentsOf(request.url)?.join("/") ?? "" });
  const files = toNodeHandler(view, { params });
  const signer = new URLSigner({ secrets: randomBytes(32).toString("base64url") });
  const linkedFiles = toNodeHandler(signatureRequired(view, { signer }), { params });
  const sign = (path: string): Promise<string> => signer.sign(path, { expiresIn: life });
  return (request, response) => {
    // A page of another site can make its own name lead to this machine (DNS rebinding), and would read the files.
    if (localOnly && !isLoopback(hostOf(request))) return respond(response, 403, "This server is for localhost\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return respond(response, 405, "Method not allowed\n");
    }
    const segments = segmentsOf(request.url);
    if (segments === undefined) return respond(response, 404, "Not found\n");
    const failed = (error: unknown): void => respond(response, statusOf(error), "Failed\n");
    if (life !== undefined && !isFromHere(request)) {
      return void linkedFiles(request, response, (error) =>
        error ? failed(error) : respond(response, 404, "Not found\n"),
      );
    }
    const list = (): void => {
      void listing(root, segments, pathOf(request.url), life === undefined ? undefined : sign)
        .catch(() => undefined)
        .then((page) => (page ? sendPage(response, page) : respond(response, 404, "Not found\n")));
    };
    if (segments.length === 0 || pathOf(request.url).endsWith("/")) return list();
    void files(request, response, (error) => (error ? failed(error) : list()));
  };
}

/**
 * Whether who asks is at this machine. A tunnel or proxy on this machine connects from here for all the world: it says so
 * by a Host or a forwarding field.
 */
function isFromHere(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  const isForwarded = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"].some(
    (name) => name in headers,
  );
  return (
    !isForwarded && isLoopback(hostOf(request)) && isLoopback((socket.remoteAddress ?? "").replace(/^::ffff:/, ""))
  );
}

function lifeOf(text: string): number {
  const seconds = parseDuration(text);
  if (seconds) return seconds;
  throw new UsageError(`--links must be a time such as 1h or 7d, got ${JSON.stringify(text)}`);
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
