import { ImproperlyConfiguredError } from "../../errors.ts";
import type { DownloadFile, SignedUrlOptions } from "../../files/download-file.ts";
import type { DownloadMiddleware, DownloadRequest } from "../../responses/handler.ts";
import { urlValidity } from "../../storages/object-store/url-validity.ts";

import { RedirectedDownloadResponse } from "./redirected-download-response.ts";

/** Makes the URL under which a file can be fetched, or none for a file that the application is to send. */
export type RedirectUrl = (
  file: DownloadFile,
  options: SignedUrlOptions,
) => string | undefined | Promise<string | undefined>;

export interface RedirectOptions {
  /** The life of a URL, in seconds. All that is asked for within half of it gets the same URL, which a browser caches. */
  readonly expiresIn: number;
  /** Default: `url()` of the storage that the file is in. `cloudFront()` makes another. */
  readonly url?: RedirectUrl;
  /**
   * Which downloads are redirected. The application sends the others itself. Default: all.
   *
   * It is asked when the file is described, for GET requests that would get the file: never for HEAD, 304, 404 or 412.
   * If it throws, the client gets that error.
   */
  readonly when?: (download: RedirectCandidate) => boolean | Promise<boolean>;
}

/** A download that could be redirected. */
export interface RedirectCandidate {
  readonly file: DownloadFile;
  /** In bytes. Undefined if the storage does not tell. */
  readonly size: number | undefined;
  /** The `Content-Type` that the client would get, with its parameters. */
  readonly contentType: string;
  readonly request: DownloadRequest;
}

/**
 * Sends clients to the object store for their files: 302 to a presigned URL, which has the type and the disposition of the
 * answer in its signature. The application still answers HEAD, 304, 404 and 412, from metadata.
 *
 * It sends by itself what the store could not send alike: files of a storage without presigned URLs, those with another
 * content coding than the store knows of, a rate limit, and pages that need a Content-Security-Policy to be shown.
 *
 * `when` keeps some of them: small files, for which a redirect costs more than it saves, or clients that can't follow one.
 *
 * @throws {ImproperlyConfiguredError} unless URLs live for two seconds at least
 *
 * @example
 * ```ts
 * import { MemoryStorage, StorageDownloadView, withMiddleware } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { redirectToStorage } from "downloadview/redirect";
 *
 * const storage = new MemoryStorage();
 * await storage.save("report.pdf", "%PDF");
 * await storage.save("logo.svg", "<svg/>");
 * const redirect = redirectToStorage({
 *   expiresIn: 600,
 *   url: ({ name }) => `https://cdn.example/${name}?signature`,
 *   when: ({ contentType }) => contentType === "application/pdf",
 * });
 * const view = StorageDownloadView.asView({ storage });
 * const handler = toFetchHandler(withMiddleware(view, redirect));
 * const response = await handler(new Request("http://localhost/"), { params: { path: "report.pdf" } });
 * console.assert(response.status === 302);
 * console.assert(response.headers.get("Location") === "https://cdn.example/report.pdf?signature");
 * const logo = await handler(new Request("http://localhost/"), { params: { path: "logo.svg" } });
 * console.assert(logo.status === 200);
 * ```
 */
export function redirectToStorage({ expiresIn, url = storageUrl, when = always }: RedirectOptions): DownloadMiddleware {
  urlValidity(expiresIn);
  if (typeof when !== "function") {
    throw new ImproperlyConfiguredError("when must be a function that says which downloads are redirected");
  }
  return (response) =>
    response.status === 200 && response.limitRate === undefined
      ? new RedirectedDownloadResponse(response, { expiresIn, url, when })
      : response;
}

function always(): true {
  return true;
}

// Not the file's own `url`: that of a remote file is what the application fetches by itself, often with credentials in it.
function storageUrl(file: DownloadFile, options: SignedUrlOptions): string | undefined | Promise<string | undefined> {
  return file.signedUrl?.(options);
}
