import { NotFoundError, type Context } from "elysia";
import { DownloadError, isDownloadError, reasonPhrases } from "../errors.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware, namedParams } from "./application.ts";
import { fieldsOfFile, isNotFound, mergeFields, presentOn, type PresentFields } from "./fields.ts";
import { runtimeAddress } from "./web/runtime-address.ts";
import { webResponse, type RenderedHead } from "./web/web-response.ts";

/** The part of Elysia's `Context` that is used here. */
export type ElysiaContext = Pick<Context, "request" | "params"> & Partial<Pick<Context, "set">>;

/**
 * Mounts a handler on Elysia. `this.context.native` is Elysia's `Context`. A missing file is a `NotFoundError`, and other
 * errors are thrown, for `onError`. An error whose message is for the operator alone (500 and above) is thrown as a
 * `DownloadError` of its status, with the original as its `cause`. Elysia logs no errors: do so in `onError`.
 *
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toElysiaHandler } from "downloadview/elysia";
 *
 * const app = new Elysia();
 * app.get("/files/*", toElysiaHandler(StorageDownloadView.asView({ storage: new MemoryStorage() })));
 * console.assert((await app.handle(new Request("http://localhost/files/missing.txt"))).status === 404);
 * ```
 */
export function toElysiaHandler<C extends ElysiaContext = Context>(
  handler: DownloadHandler<C>,
): (context: C) => Promise<Response> {
  return (context) => {
    const { request, server } = context as ElysiaContext & { readonly server?: object | null };
    const clientAddress = (): string | undefined => runtimeAddress(request, server);
    return send(context, handler(request, { params: paramsOf(context), native: context, clientAddress }));
  };
}

/**
 * Responds with a result from inside an ordinary Elysia handler.
 *
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { download } from "downloadview";
 * import { send } from "downloadview/elysia";
 *
 * const app = new Elysia();
 * app.get("/report", (context) => send(context, download("a,b\n", { name: "report.csv" })));
 * const response = await app.handle(new Request("http://localhost/report"));
 * console.assert((await response.text()) === "a,b\n");
 * ```
 */
export async function send(
  context: ElysiaContext,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<Response> {
  try {
    const fieldsOf = (rendered: RenderedHead): HeaderFields => fieldsBeside(context.set?.headers ?? {}, rendered);
    const response = await webResponse(result, context.request, { fieldsOf });
    return context.request.method === "HEAD" ? countable(response) : response;
  } catch (error) {
    const present = context.set?.headers ?? {};
    for (const name of fieldsOfFile(presentInObject(present))) delete present[name];
    if (isNotFound(error)) throw new NotFoundError();
    // Elysia responds with the status and the message of an error alone. `Allow` or `Retry-After` is set beside it.
    if (isDownloadError(error)) Object.assign(present, error.headers);
    throw isDownloadError(error) && !error.expose ? withPlainMessage(error) : error;
  }
}

/**
 * A hook that passes every download of the application through `middleware`.
 *
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/elysia";
 *
 * const app = new Elysia();
 * app.onRequest(
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (context) => send(context, download("a,b\n", { name: "report.csv" })));
 * const response = await app.handle(new Request("http://localhost/report"));
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(
  ...middleware: readonly DownloadMiddleware[]
): (context: Pick<Context, "request">) => void {
  return ({ request }) => addMiddleware(request, middleware);
}

// Elysia merges the fields that were set before with those of the response. So only fields that the download does not have stay set.
function fieldsBeside(present: Record<string, unknown>, rendered: RenderedHead): HeaderFields {
  const { fields, dropped } = mergeFields(rendered, presentInObject(present));
  const replaced = Object.keys(present).filter((name) => fields.has(name) && !isSame(name, "set-cookie"));
  for (const name of [...dropped, ...replaced]) delete present[name];
  return fields;
}

function presentInObject(present: Readonly<Record<string, unknown>>): PresentFields {
  const names = Object.keys(present);
  const valueOf = (name: string): unknown => present[names.find((known) => isSame(known, name)) ?? name];
  return presentOn(names, valueOf as (name: string) => string);
}

/** Where the application has no `onError`, Elysia sends the client the message of any error. */
function withPlainMessage(error: DownloadError): DownloadError {
  const { status, headers } = error;
  return new DownloadError(status, reasonPhrases[status] ?? "Error", { headers, cause: error });
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * Where only `.get()` was called, Elysia calls the handler of GET for HEAD and sets Content-Length to the sum of the
 * `byteLength` of the chunks of the body. So the body of a HEAD is one chunk without bytes that claims the length.
 */
function countable(response: Response): Response {
  const length = Number(response.headers.get("Content-Length") ?? 0);
  if (response.body || length === 0 || "Bun" in globalThis) return response;
  const chunk = Object.defineProperty(new Uint8Array(), "byteLength", { value: length });
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(body, response);
}

// Elysia decodes named parameters but not the wildcard. `params` is undefined for a route without parameters.
function paramsOf({ params, route }: ElysiaContext & { readonly route?: string }): ReturnType<typeof namedParams> {
  const { "*": wildcard, ...named } = (params ?? {}) as Record<string, string | undefined>;
  return namedParams(wildcard === undefined ? named : { ...named, "*": decoded(wildcard) }, route);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
