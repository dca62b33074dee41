import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware, answerError, namedParams } from "./application.ts";
import { webResponse } from "./web/web-response.ts";

/** The part of React Router's `LoaderFunctionArgs` that is used here. */
export interface LoaderArgs {
  readonly request: Request;
  readonly params: Readonly<Record<string, string | undefined>>;
}

export interface ReactRouterOptions<A extends LoaderArgs = LoaderArgs> {
  /**
   * The client's IP address, for limited and address-bound links. React Router does not know it: read it from the `context`
   * that the server's `getLoadContext` returns.
   */
  readonly clientAddress?: (args: A) => string | undefined;
}

/**
 * Mounts a handler as the loader of a resource route in React Router 7 or Remix: `export const loader =
 * toReactRouterLoader(view)`. `this.context.native` is the argument of the loader, with its `context`. An error of a download
 * is thrown as a `Response`, as these frameworks expect.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toReactRouterLoader } from "downloadview/react-router";
 *
 * // app/routes/report.ts
 * const loader = toReactRouterLoader(async () => download("a,b\n", { name: "report.csv" }));
 * const response = await loader({ request: new Request("http://localhost/report"), params: {} });
 * console.assert((await response.text()) === "a,b\n");
 * ```
 */
export function toReactRouterLoader<A extends LoaderArgs = LoaderArgs>(
  handler: DownloadHandler<A>,
  options: ReactRouterOptions<A> = {},
): (args: A) => Promise<Response> {
  return (args) => {
    const params = namedParams(args.params);
    const clientAddress = (): string | undefined => options.clientAddress?.(args);
    return send(args, handler(args.request, { params, native: args, clientAddress }));
  };
}

/**
 * Responds with a result from inside an ordinary loader or action.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send, type LoaderArgs } from "downloadview/react-router";
 *
 * // app/routes/report.ts
 * const loader = (args: LoaderArgs): Promise<Response> => send(args, download("a,b\n", { name: "report.csv" }));
 * console.assert((await loader({ request: new Request("http://localhost/report"), params: {} })).status === 200);
 * ```
 */
export async function send(args: LoaderArgs, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  try {
    return await webResponse(result, args.request, { scope: scopeOf(args) });
  } catch (error) {
    throw answerError(error);
  }
}

/**
 * Passes every download below a route through `middleware`: `export const middleware = [applyToDownloads(…)]`, in
 * `root.tsx` for all of them.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/react-router";
 *
 * // app/root.tsx
 * const middleware = [
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * ];
 * const args = { request: new Request("http://localhost/report"), params: {} };
 * const loader = () => send(args, download("a,b\n", { name: "report.csv" }));
 * const response = await middleware[0]?.(args, loader);
 * console.assert(response?.headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(
  ...middleware: readonly DownloadMiddleware[]
): (args: LoaderArgs, next: () => Promise<Response>) => Promise<Response> {
  return (args, next) => {
    addMiddleware(scopeOf(args), middleware);
    return next();
  };
}

/** All loaders of a request share the router's context; each has its own `Request`. */
function scopeOf(args: LoaderArgs & { readonly context?: object }): object {
  return args.context ?? args.request;
}
