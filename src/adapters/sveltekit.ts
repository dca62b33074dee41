import { isDownloadError } from "../errors.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware } from "./app-middleware.ts";
import { namedParams } from "./params.ts";
import { webResponse } from "./web-response.ts";

/** The part of SvelteKit's `RequestEvent` that is used here. */
export interface SvelteKitEvent {
  readonly request: Request;
  readonly params: Readonly<Record<string, string | undefined>>;
}

/**
 * Mounts a handler as an endpoint of SvelteKit: `export const GET = toSvelteKitHandler(view)` in `+server.ts`.
 * `this.context.native` is the `RequestEvent`, with its `locals`. A missing file, and every other error of a download,
 * is SvelteKit's own `error(status)`.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toSvelteKitHandler } from "downloadview/sveltekit";
 *
 * // src/routes/report/+server.ts
 * const GET = toSvelteKitHandler(async () => download("a,b\n", { name: "report.csv" }));
 * const response = await GET({ request: new Request("http://localhost/report"), params: {} });
 * console.assert((await response.text()) === "a,b\n");
 * ```
 */
export function toSvelteKitHandler<E extends SvelteKitEvent = SvelteKitEvent>(
  handler: DownloadHandler<E>,
): (event: E) => Promise<Response> {
  return (event) => send(event, handler(event.request, { params: namedParams(event.params), native: event }));
}

/**
 * Answers with a result from inside an ordinary endpoint.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send, type SvelteKitEvent } from "downloadview/sveltekit";
 *
 * // src/routes/report/+server.ts
 * const GET = (event: SvelteKitEvent): Promise<Response> => send(event, download("a,b\n", { name: "report.csv" }));
 * console.assert((await GET({ request: new Request("http://localhost/report"), params: {} })).status === 200);
 * ```
 */
export async function send(event: SvelteKitEvent, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  try {
    return await webResponse(result, event.request);
  } catch (error) {
    if (!isDownloadError(error)) throw error;
    // Loaded when it is needed: nothing else here depends on SvelteKit, and its own class is the one that it knows.
    const kit = await import("@sveltejs/kit");
    throw kit.error(error.status, error.expose ? error.message : undefined);
  }
}

/**
 * Has every download of the application go through `middleware`: `export const handle = downloadMiddleware(…)` in
 * `hooks.server.ts`, or one of a `sequence`.
 *
 * @example
 * ```ts
 * import { downloadMiddleware } from "downloadview/sveltekit";
 *
 * // src/hooks.server.ts
 * const handle = downloadMiddleware((response) => {
 *   response.headers.set("X-Robots-Tag", "noindex");
 *   return response;
 * });
 * console.assert(typeof handle === "function");
 * ```
 */
export function downloadMiddleware(
  ...middleware: readonly DownloadMiddleware[]
): <E extends SvelteKitEvent>(input: {
  event: E;
  resolve: (event: E) => Response | Promise<Response>;
}) => Promise<Response> {
  return async ({ event, resolve }) => {
    addMiddleware(event.request, middleware);
    return resolve(event);
  };
}
