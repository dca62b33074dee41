import { type DownloadFile, isDownloadFile } from "../files/download-file.ts";
import { HTTPFile } from "../files/remote/http-file.ts";
import { VirtualFile, type VirtualSource } from "../files/virtual-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadOptions } from "../responses/presentation.ts";

/** What {@link download} accepts: a file, a remote URL, or content in any form that `VirtualFile` reads. */
export type Downloadable = DownloadFile | URL | VirtualSource;

export interface DownloadContentOptions extends DownloadOptions {
  /** The name of content that has none. Default: the last segment of a URL, the name of a `File`, else `"download"`. */
  name?: string;
}

/**
 * Makes a response without a view class. A `string` is text to serve, not a path: for a path use `sendFile` or
 * `new LocalFile(path)`.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 *
 * const response = download(new Blob(["id,name\n"], { type: "text/csv" }), { name: "users.csv" });
 * console.assert(response.getFilename() === "users.csv");
 * ```
 */
export function download(content: Downloadable, options: DownloadContentOptions = {}): DownloadResponse {
  return new DownloadResponse(fileOf(content, options.name), options);
}

function fileOf(content: Downloadable, name: string | undefined): DownloadFile {
  if (content instanceof URL) return new HTTPFile(content, name === undefined ? {} : { name });
  if (isDownloadFile(content)) return content;
  return new VirtualFile(content, name === undefined ? {} : { name });
}
