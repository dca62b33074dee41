import { isDownloadError } from "../errors.ts";
import { rawUrlPath } from "../http/url-path.ts";
import {
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";
import { sharedWeakMap } from "../responses/shared-state.ts";

/**
 * What every adapter needs of the application around a download: the parameters of its routes, its middleware, the handlers
 * that it mounts, and its responses to errors.
 */

type Params = Readonly<Record<string, string | undefined>>;
type RawParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The parameters of a route as views read them: segments of a wildcard are joined, and a wildcard without a name is `path`.
 * (It is called `*` in Fastify, Elysia and React Router, and `0` in Express 4.)
 * @param route the pattern of the route, such as `/files/:path?`. An optional parameter that the URL leaves out is then
 *   present and undefined, so that the view does not warn that the route has no such parameter
 */
export function namedParams(params: RawParams, route?: unknown): Params {
  const named: Record<string, string | undefined> = {};
  for (const name in params) {
    const value = params[name];
    named[name] = typeof value === "object" ? value.join("/") : value;
  }
  if (named["path"] !== undefined) return named;
  if (typeof route === "string") for (const name of namesIn(route)) if (!(name in named)) named[name] = undefined;
  const wildcard = ["*", "0"].find((name) => name in named);
  if (wildcard !== undefined) named["path"] = named[wildcard];
  return named;
}

const namesOf = new Map<string, readonly string[]>();

/** `:name`, `*name`, `**:name` and `**` of routers, `[name]` and `[[...name]]` of routes in files. */
function namesIn(route: string): readonly string[] {
  const known = namesOf.get(route);
  if (known) return known;
  const names = Array.from(
    route.matchAll(/[:*](\w+)|\[(?:\.{3})?(\w+)|\*\*(?!:)/g),
    ([, plain, inFile]) => plain ?? inFile ?? "*",
  );
  namesOf.set(route, names);
  return names;
}

/**
 * The route parameter `path` for runtimes that have no router: the path of the URL, decoded, without its first slash.
 * @returns no parameter if the path is not validly encoded: the response is then a 404
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { PathDownloadView } from "downloadview";
 * import { pathParams, toNodeHandler } from "downloadview/node";
 *
 * const view = PathDownloadView.asView({ root: "/srv/documents" });
 * createServer(toNodeHandler(view, { params: pathParams })).listen(0).close();
 * console.assert(pathParams({ url: "/a%20b/%C3%A9.txt?x=1" }).path === "a b/é.txt");
 * ```
 */
export function pathParams({ url = "" }: { readonly url?: string | undefined }): { path?: string } {
  try {
    return { path: decodeURIComponent(rawUrlPath(url).replace(/^\//, "")) };
  } catch {
    return {};
  }
}

/** The middleware that an application added, keyed by the object that stands for the request. */
const middlewareOf = /* @__PURE__ */ sharedWeakMap<object, readonly DownloadMiddleware[]>("middleware");

/** Passes every download that answers `scope` through `middleware`, after middleware that was added later. */
export function addMiddleware(scope: object, middleware: readonly DownloadMiddleware[]): void {
  middlewareOf.set(scope, [...middleware, ...(middlewareOf.get(scope) ?? [])]);
}

/** Passes a result through the middleware of the application. */
export function throughMiddleware(
  result: DownloadResult | Promise<DownloadResult>,
  request: DownloadRequest,
  scope: object,
): DownloadResult | Promise<DownloadResult> {
  const middleware = middlewareOf.get(scope);
  if (!middleware) return result;
  return withMiddleware(async () => result, ...middleware)(request, { params: {}, native: undefined });
}

/** The key under which a mounted handler keeps the original, so that another adapter can mount it as well. */
export const mounted: unique symbol = /* @__PURE__ */ Symbol.for("downloadview.mounted") as never;

/** A handler in the form that a framework or a runtime calls. */
export interface Mounted<C> {
  readonly [mounted]: DownloadHandler<C>;
}

/** The handler inside a mounted one; undefined if `handler` is not mounted. */
export function unmounted<C>(handler: object): DownloadHandler<C> | undefined {
  return mounted in handler ? (handler[mounted] as DownloadHandler<C>) : undefined;
}

/**
 * The response to an error of a download. A 502, 503 or 504 is passed to `onError`, by default `console.error`, because its
 * response does not tell the cause. A 500 is thrown, like any error of the application's own code.
 */
export function answerError(error: unknown, onError: (error: unknown) => void = console.error): Response {
  if (!isDownloadError(error) || error.status === 500) throw error;
  if (error.status > 500) onError(error);
  return error.getResponse();
}
