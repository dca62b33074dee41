import type { DownloadOptions } from "../responses/presentation.ts";
import type { DownloadRequest, DownloadResult } from "../responses/handler.ts";
import type { EntityTagOption } from "../files/local/etag.ts";
import { configuredRoot } from "../files/local/root.ts";
import { assertDotfilePolicy, type DotfilePolicy } from "../files/dotfiles.ts";
import { PathDownloadView } from "./path-download-view.ts";

export interface SendFileOptions extends DownloadOptions {
  /** The folder that `path` is relative to. Files outside it are not served. */
  root?: string;
  /** Which dotfiles are served. Default: none below a `root`, all without one. */
  dotfiles?: DotfilePolicy;
  /** How the entity tag is made, see `LocalFile`. Default: nginx's own form. */
  etag?: EntityTagOption;
}

/** A request of Express, Fastify, Koa or Node, as far as `sendFile` reads it. */
export interface NodeLikeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** The whole URL, where a router shortens `url`. */
  readonly originalUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Serves a local file from an ordinary handler, inline unless `attachment` is set. Pass a `root` whenever a part of `path`
 * comes from a request.
 * @param request of `fetch`, or of Express, Fastify, Koa or Node; in Hono `c.req.raw`, in h3 `event.req`
 * @throws {FileNotFoundError} if `path` is empty, or outside the `root`
 * @throws {ImproperlyConfiguredError} if there is a `root` that is empty or undefined: is a setting missing?
 *
 * @example
 * ```ts
 * import { sendFile } from "downloadview";
 *
 * const request = new Request("http://localhost/manual");
 * const result = await sendFile(request, "manual.pdf", { root: "/srv/documents", attachment: true });
 * console.assert("filename" in result && result.getFilename() === "manual.pdf");
 * ```
 */
export async function sendFile(
  request: DownloadRequest | NodeLikeRequest,
  path: string,
  options: SendFileOptions = {},
): Promise<DownloadResult> {
  const { root, dotfiles, etag, ...presentation } = options;
  // If a setting is missing, `root` is undefined, and any file of this machine would be served.
  if ("root" in options) configuredRoot(root, "sendFile()");
  assertDotfilePolicy(dotfiles, "sendFile()");
  const view = Object.assign(new PathDownloadView(), { root, dotfiles, etag, path, attachment: false });
  return view.setup(downloadRequest(request)).renderToResponse(withoutUndefined(presentation));
}

function downloadRequest(request: DownloadRequest | NodeLikeRequest): DownloadRequest {
  return hasFetchHeaders(request) ? request : ofNode(request);
}

function hasFetchHeaders(request: DownloadRequest | NodeLikeRequest): request is DownloadRequest {
  return typeof request.headers.get === "function";
}

function ofNode({ method = "GET", url = "/", originalUrl = url, headers }: NodeLikeRequest): DownloadRequest {
  const get = (name: string): string | null => {
    const value = headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  };
  return { method, url: originalUrl, headers: { get } };
}

function withoutUndefined(options: DownloadOptions): DownloadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
