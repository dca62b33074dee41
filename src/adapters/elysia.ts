import { NotFoundError, type Context } from "elysia";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware } from "./app-middleware.ts";
import { isNotFound, mergeFields, presentOn } from "./fields.ts";
import { namedParams } from "./params.ts";
import { webResponse, type RenderedHead } from "./web/web-response.ts";

/** The part of Elysia's `Context` that is used here. */
export type ElysiaContext = Pick<Context, "request" | "params"> & Partial<Pick<Context, "set">>;

/**
 * Mounts a handler on Elysia. `this.context.native` is Elysia's `Context`. A missing file is a `NotFoundError`, and other
 * errors are thrown on, for `onError`.
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
  return (context) => send(context, handler(context.request, { params: paramsOf(context), native: context }));
}

/**
 * Answers with a result from inside an ordinary Elysia handler.
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
    return await webResponse(result, context.request, { fieldsOf });
  } catch (error) {
    if (isNotFound(error)) throw new NotFoundError();
    throw error;
  }
}

/**
 * A hook that has every download of the application go through `middleware`.
 *
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { download } from "downloadview";
 * import { downloadMiddleware, send } from "downloadview/elysia";
 *
 * const app = new Elysia();
 * app.onRequest(
 *   downloadMiddleware((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (context) => send(context, download("a,b\n", { name: "report.csv" })));
 * const response = await app.handle(new Request("http://localhost/report"));
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function downloadMiddleware(
  ...middleware: readonly DownloadMiddleware[]
): (context: Pick<Context, "request">) => void {
  return ({ request }) => addMiddleware(request, middleware);
}

// Elysia merges what was set before with what a handler returns: it is left with what both agree on.
function fieldsBeside(present: Record<string, unknown>, rendered: RenderedHead): HeaderFields {
  const names = Object.keys(present);
  const valueOf = (name: string): unknown => present[names.find((known) => isSame(known, name)) ?? name];
  const { fields, dropped } = mergeFields(rendered, presentOn(names, valueOf as (name: string) => string));
  const replaced = names.filter((name) => fields.has(name) && !isSame(name, "set-cookie"));
  for (const name of [...dropped, ...replaced]) delete present[name];
  return fields;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

// Elysia decodes named parameters and not the wildcard, and gives a route without any no object at all.
function paramsOf({ params }: ElysiaContext): ReturnType<typeof namedParams> {
  const { "*": wildcard, ...named } = (params ?? {}) as Record<string, string | undefined>;
  return namedParams(wildcard === undefined ? named : { ...named, "*": decoded(wildcard) });
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
