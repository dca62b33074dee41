import { releaseFile } from "../files/release-file.ts";
import type { DownloadResponse } from "./download-response.ts";
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
   * The client's IP address, as the framework or the runtime tells it: with its setting of which proxies to trust, if it
   * has one. Undefined where it tells none, as in Next.js and React Router.
   */
  readonly clientAddress?: () => string | undefined;
}

/**
 * What a handler may answer. A web `Response` passes through as it is, without the fields that tell the server in front
 * of the application to send a file (X-Accel-Redirect, X-Sendfile, …): it may be the response of another server. To set
 * those yourself, answer with a {@link ProxiedDownloadResponse}.
 */
export type DownloadResult = DownloadResponse | ProxiedDownloadResponse | Response;

/** Answers a request with a file. `View.asView()` makes one; adapters mount it. */
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
 * A handler whose downloads go through `middleware`, first to last. As soon as one answers with something that is no
 * longer a `DownloadResponse`, the rest is skipped: there is no file left to look at.
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

/** What `middleware` makes of a result, first to last, until it is no longer a `DownloadResponse`. */
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
      current = await apply(current, request, context);
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
