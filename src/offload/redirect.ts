import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadMiddleware } from "../responses/handler.ts";
import { urlValidity } from "../storages/url-validity.ts";
import type { UrlOptions } from "../storages/storage.ts";
import { RedirectedDownloadResponse } from "./redirected-download-response.ts";

/** Makes the URL under which a file can be fetched, or none for a file that the application is to send. */
export type RedirectUrl = (file: DownloadFile, options: UrlOptions) => string | undefined | Promise<string | undefined>;

export interface RedirectOptions {
  /** The life of a URL, in seconds. All that is asked for within half of it gets the same URL, which a browser caches. */
  readonly expiresIn: number;
  /** Default: `url()` of the storage that the file is in. `cloudFront()` makes another. */
  readonly url?: RedirectUrl;
}

/**
 * Sends clients to the object store for their files: 302 to a presigned URL, which has the type and the disposition of the
 * answer in its signature. The application still answers HEAD, 304, 404 and 412, from metadata.
 *
 * It sends by itself what the store could not send alike: files of a storage without presigned URLs, those with another
 * content coding than the store knows of, a rate limit, and pages that need a Content-Security-Policy to be shown.
 *
 * @throws {ImproperlyConfiguredError} unless URLs live for two seconds at least
 *
 * @example
 * ```ts
 * import { download, MemoryStorage, StorageFile, withMiddleware } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { redirectToStorage } from "downloadview/redirect";
 *
 * const storage = new MemoryStorage();
 * await storage.save("report.pdf", "%PDF");
 * const redirect = redirectToStorage({ expiresIn: 600, url: ({ name }) => `https://cdn.example/${name}?signature` });
 * const handler = toFetchHandler(withMiddleware(async () => download(new StorageFile(storage, "report.pdf")), redirect));
 * const response = await handler(new Request("http://localhost/"));
 * console.assert(response.status === 302);
 * console.assert(response.headers.get("Location") === "https://cdn.example/report.pdf?signature");
 * ```
 */
export function redirectToStorage({ expiresIn, url = storageUrl }: RedirectOptions): DownloadMiddleware {
  urlValidity(expiresIn);
  return (response) =>
    response.status === 200 && response.limitRate === undefined
      ? new RedirectedDownloadResponse(response, { expiresIn, url })
      : response;
}

// Not the file's own `url`: that of a remote file is what the application fetches by itself, often with credentials in it.
function storageUrl(file: DownloadFile, options: UrlOptions): string | undefined | Promise<string | undefined> {
  return file.signedUrl?.(options);
}
