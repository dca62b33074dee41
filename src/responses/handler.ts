import { releaseFile } from "../files/download-file.ts";
import type { DownloadResponse } from "./download-response.ts";
import { ownResponse } from "./own-response.ts";
import type { ProxiedDownloadResponse } from "./proxied-download-response.ts";

/** The part of a request that a download depends on. A fetch `Request` is one. */
export interface DownloadRequest {
  readonly method: string;
  /** Absolute, or as it stands in the request line. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** Aborted when the client leaves. */
  readonly signal?: AbortSignal;
}

/** What a framework adds to a request: the parameters of its route, and its own request or context. */
export interface ViewContext<C = unknown> {
  readonly params: Readonly<Record<string, string | undefined>>;
  /** Express's `req`, Hono's `Context`, … */
  readonly native: C;
  /**
   * Returns the client's IP address as the framework or the runtime knows it, by its own setting of trusted proxies. Undefined if
   * it does not know, as in Next.js and React Router.
   */
  readonly clientAddress?: () => string | undefined;
}

/**
 * What a handler may return. A web `Response` is sent as it is, without the fields that instruct the server in front of the
 * application to send a file (X-Accel-Redirect, X-Sendfile, …): it may be the response of another server. To set those fields
 * yourself, return a {@link ProxiedDownloadResponse}.
 */
export type DownloadResult = DownloadResponse | ProxiedDownloadResponse | Response;

/** Responds to a request with a file. `View.asView()` makes one; adapters mount it. */
export type DownloadHandler<C = unknown> = (
  request: DownloadRequest,
  context: ViewContext<C>,
) => Promise<DownloadResult>;

/**
 * Looks at a response before a byte is read, and may change or replace it. `context` is that of the handler; middleware that an
 * adapter applies to a whole application gets none.
 */
export type DownloadMiddleware = (
  response: DownloadResponse,
  request: DownloadRequest,
  context?: ViewContext,
) => DownloadResult | Promise<DownloadResult>;

/**
 * Returns a handler whose downloads pass through `middleware`, first to last. When one returns something other than a
 * `DownloadResponse`, the rest is skipped: it has no file to look at.
 *
 * @example
 * ```ts
 * import { download, withMiddleware } from "downloadview";
 *
 * const handler = withMiddleware(
 *   async () => download("hello", { name: "hello.txt" }),
 *   (response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   },
 * );
 * const result = await handler(new Request("http://localhost/"), { params: {}, native: undefined });
 * console.assert(result.headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function withMiddleware<C>(
  handler: DownloadHandler<C>,
  ...middleware: readonly DownloadMiddleware[]
): DownloadHandler<C> {
  return async (request, context) => applyMiddleware(await handler(request, context), request, middleware, context);
}

/** Passes a result through `middleware`, first to last, until it is no longer a `DownloadResponse`. */
export async function applyMiddleware(
  result: DownloadResult,
  request: DownloadRequest,
  middleware: readonly DownloadMiddleware[],
  context?: ViewContext,
): Promise<DownloadResult> {
  let current = result;
  for (const apply of middleware) {
    if (!isDownloadResponse(current)) return current;
    const { file } = current;
    try {
      // A handler may return one object for many requests: what middleware adds, such as a cookie, is for this one.
      current = await apply(ownResponse(current, request), request, context);
    } catch (error) {
      releaseFile(file);
      throw error;
    }
  }
  return current;
}

/** Whether a result still carries a file that can be looked at, also across two copies of this package. */
export function isDownloadResponse(result: unknown): result is DownloadResponse {
  return kindOf(result) === "download";
}

/** Whether a result tells a proxy or the client where the bytes are, instead of sending them. */
export function isProxiedDownloadResponse(result: unknown): result is ProxiedDownloadResponse {
  return kindOf(result) === "proxied";
}

function kindOf(result: unknown): unknown {
  return typeof result === "object" && result !== null && "kind" in result ? result.kind : undefined;
}
