import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadOptions } from "../responses/download-response.ts";
import type { DownloadRequest, DownloadResult } from "../responses/handler.ts";
import type { DotfilePolicy } from "../files/path-within.ts";
import { PathDownloadView } from "./path-download-view.ts";

export interface SendFileOptions extends DownloadOptions {
  /** The folder that `path` is relative to and that nothing outside of is served. */
  root?: string;
  dotfiles?: DotfilePolicy;
}

/**
 * Serves a local file from an ordinary handler, inline unless `attachment` says otherwise. Give a `root` whenever a
 * part of `path` comes from a request.
 * @throws {FileNotFoundError} if `path` is empty, or outside the `root`
 * @throws {ImproperlyConfiguredError} if `root` is empty, which would be the working directory
 *
 * @example
 * ```ts
 * import { sendFile } from "downloadview";
 *
 * const request = new Request("http://localhost/manual");
 * const result = await sendFile(request, "manual.pdf", { root: "/srv/documents", attachment: true });
 * console.assert("basename" in result && result.getBasename() === "manual.pdf");
 * ```
 */
export async function sendFile(
  request: DownloadRequest,
  path: string,
  { root, dotfiles = "deny", ...options }: SendFileOptions = {},
): Promise<DownloadResult> {
  if (root === "") throw new ImproperlyConfiguredError("sendFile() was given an empty root: is a setting missing?");
  const view = Object.assign(new PathDownloadView(), { root, dotfiles, path, attachment: false });
  return view.setup(request).renderToResponse(withoutUndefined(options));
}

function withoutUndefined(options: DownloadOptions): DownloadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
