/**
 * The application of the behaviour suite: the same views in every framework. Each server mounts these routes in its own
 * idiom, and all must answer alike.
 */
import {
  download,
  HTTPDownloadView,
  isDownloadResponse,
  PermissionDeniedError,
  ProxiedDownloadResponse,
  UpstreamError,
  VirtualFile,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadResponse,
} from "downloadview";
import { signatureRequired, URLSigner } from "downloadview/signing";
import { secret } from "./contents.ts";

export interface Route<C> {
  /** The first segment of the path. */
  readonly name: string;
  /** Whether more segments follow; they are the parameter `path`. */
  readonly wildcard?: true;
  readonly handler: DownloadHandler<C>;
}

export interface ApplicationOptions<C> {
  /** Views of the files, by the parameter `path`. */
  files(options: { attachment: boolean }): DownloadHandler<C>;
  /** Who is logged in, as the framework's own middleware found out. */
  userOf(native: C): string | undefined;
  /** Where the server of remote files is. */
  upstream: string;
}

export function routes<C>({ files, userOf, upstream }: ApplicationOptions<C>): Route<C>[] {
  const signer = new URLSigner({ secrets: secret });
  const allowedHosts = [new URL(upstream).host];
  return [
    { name: "files", wildcard: true, handler: files({ attachment: true }) },
    { name: "inline", wildcard: true, handler: files({ attachment: false }) },
    { name: "signed", wildcard: true, handler: signatureRequired(files({ attachment: true }), { signer }) },
    { name: "remote", handler: HTTPDownloadView.asView({ url: `${upstream}/remote.bin`, allowedHosts }) },
    { name: "remote-missing", handler: HTTPDownloadView.asView({ url: `${upstream}/missing.bin`, allowedHosts }) },
    { name: "stream", handler: async () => download(rows, { name: "rows.csv" }) },
    { name: "endless", handler: async () => download(endless, { name: "endless.bin" }) },
    { name: "stopped", handler: async () => new Response(String(stopped)) },
    { name: "early", handler: async () => download(failsEarly, { name: "early.bin" }) },
    { name: "late", handler: async () => download(failsLate, { name: "late.bin" }) },
    { name: "short", handler: async () => download(promisedMore()) },
    { name: "status", handler: async () => download("gone for now", { name: "notice.txt", status: 503 }) },
    { name: "busy", handler: busy },
    { name: "redirect", handler: async () => redirected },
    { name: "web", handler: async () => new Response("a web response", { headers: { "X-Web": "yes" } }) },
    {
      name: "private",
      handler: async (_request, { native }) => {
        const user = userOf(native);
        if (user === undefined) throw new PermissionDeniedError();
        return download(`for ${user}`, { name: "private.txt" });
      },
    },
  ];
}

async function busy(): Promise<never> {
  throw new UpstreamError(503, "Upstream failed", { headers: { "Retry-After": "7" } });
}

/** What the applications of function style answer at `/send`. */
export function report(): DownloadResponse {
  return download("sent by a function\n", { name: "report.txt", attachment: false });
}

/** The middleware of the whole application: what is in one folder is handed to nginx. */
export const offload: DownloadMiddleware = (response) => {
  if (!isDownloadResponse(response) || !/(^|\/)movie\.mp4$/.test(response.file.name)) return response;
  const headers = { "X-Accel-Redirect": "/_protected/movie.mp4", "Content-Type": "video/mp4" };
  return new ProxiedDownloadResponse({ headers, file: response.file });
};

/** Fields that middleware sets before the download, as the request names them: a list of `[name, value]` in JSON. */
export function earlierFields(named: string | readonly string[] | null | undefined): [name: string, value: string][] {
  return named ? JSON.parse(String(named)) : [];
}

/** For servers without a router: one handler that finds the route, below `base`. */
export function dispatcher<C>(all: readonly Route<C>[], base = "/"): DownloadHandler<C> {
  return async (request, context) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [name = "", ...rest] = pathname.slice(base.length).split("/");
    const route = all.find((one) => one.name === name && (one.wildcard ? rest.length > 0 : rest.length === 0));
    if (!route) return new Response("the application's own 404\n", { status: 404 });
    return route.handler(request, { ...context, params: { path: decoded(rest.join("/")) } });
  };
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

const redirected = new ProxiedDownloadResponse({ status: 302, headers: { Location: "https://cdn.example/a.pdf" } });

async function* rows(): AsyncGenerator<string> {
  for (let row = 1; row <= 3; row += 1) yield `row ${row}\n`;
}

let stopped = 0;

async function* endless(): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      yield new Uint8Array(16 * 1024);
    }
  } finally {
    stopped += 1;
  }
}

async function* failsEarly(): AsyncGenerator<string> {
  throw new RangeError("a secret of the server");
}

async function* failsLate(): AsyncGenerator<string> {
  yield "begun";
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw new RangeError("a secret of the server");
}

function promisedMore(): VirtualFile {
  return new VirtualFile(tooLittle, { name: "short.bin", size: 1000 });
}

async function* tooLittle(): AsyncGenerator<string> {
  yield "short";
  await new Promise((resolve) => setTimeout(resolve, 20));
}
