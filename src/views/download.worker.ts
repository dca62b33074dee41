import { ImproperlyConfiguredError } from "../errors.ts";
import { isDownloadFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { Downloadable, DownloadContentOptions } from "./download.ts";

/**
 * `download` for Workers: without remote URLs, so that a bundle has the code for them only if the application uses `HTTPFile`.
 *
 * @throws {ImproperlyConfiguredError} for a URL
 */
export function download(content: Downloadable, options: DownloadContentOptions = {}): DownloadResponse {
  if (content instanceof URL) {
    throw new ImproperlyConfiguredError(
      "download(url) is not part of bundles for Workers, to keep them small. Write download(new HTTPFile(url))",
    );
  }
  const { name } = options;
  const file = isDownloadFile(content) ? content : new VirtualFile(content, name === undefined ? {} : { name });
  return new DownloadResponse(file, options);
}
