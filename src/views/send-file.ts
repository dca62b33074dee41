import type { DownloadOptions } from "../responses/download-response.ts";
import type { DownloadRequest, DownloadResult } from "../responses/handler.ts";
import type { EntityTagOption } from "../files/local/etag.ts";
import { configuredRoot } from "../files/local/root.ts";
import type { DotfilePolicy } from "../files/dotfiles.ts";
import { PathDownloadView } from "./path-download-view.ts";

export interface SendFileOptions extends DownloadOptions {
  /** The folder that `path` is relative to and that nothing outside of is served. */
  root?: string;
  /** Which dotfiles are served. Default: none below a `root`, all without one. */
  dotfiles?: DotfilePolicy;
  /** How the entity tag is made, see `LocalFile`. Default: nginx's own form. */
  etag?: EntityTagOption;
}

/**
 * Serves a local file from an ordinary handler, inline unless `attachment` says otherwise. Give a `root` whenever a
 * part of `path` comes from a request.
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
  request: DownloadRequest,
  path: string,
  options: SendFileOptions = {},
): Promise<DownloadResult> {
  const { root, dotfiles, etag, ...presentation } = options;
  // With a setting that is missing, any file of this machine would be served.
  if ("root" in options) configuredRoot(root, "sendFile()");
  const view = Object.assign(new PathDownloadView(), { root, dotfiles, etag, path, attachment: false });
  return view.setup(request).renderToResponse(withoutUndefined(presentation));
}

function withoutUndefined(options: DownloadOptions): DownloadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
