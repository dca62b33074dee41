import { ImproperlyConfiguredError } from "../../errors.ts";
import type { DownloadFile, SignedUrlOptions } from "../../files/download-file.ts";
import type { DownloadMiddleware, DownloadRequest } from "../../responses/handler.ts";
import { ownResponse } from "../../responses/own-response.ts";
import { urlValidity } from "../../storages/object-store/url-validity.ts";

import { RedirectedDownloadResponse } from "./redirected-download-response.ts";

/** Makes the URL from which a client can fetch a file. Returns undefined if the application is to send the file. */
export type RedirectUrl = (
  file: DownloadFile,
  options: SignedUrlOptions,
) => string | undefined | Promise<string | undefined>;

export interface RedirectOptions {
  /**
   * The maximum life of a URL, in seconds. At least 2. One URL is used for the first half of its life, so that browsers can
   * cache the download.
   */
  readonly expiresIn: number;
  /** Default: `signedUrl()` of the file, which asks its storage. `cloudFront()` makes a function for CloudFront. */
  readonly url?: RedirectUrl;
  /**
   * Which downloads are redirected. The application sends the others itself. Default: all.
   *
   * It is called after `stat()`, for GET requests that would get the file: never for HEAD, 304, 404 or 412.
   * If it throws, the client gets that error.
   */
  readonly when?: (download: RedirectCandidate) => boolean | Promise<boolean>;
}

/** A download that could be redirected. */
export interface RedirectCandidate {
  readonly file: DownloadFile;
  /** In bytes. Undefined if the storage does not report it. */
  readonly size: number | undefined;
  /** The `Content-Type` that the client would get, with its parameters. */
  readonly contentType: string;
  readonly request: DownloadRequest;
}

/**
 * Redirects clients to the object store: they get a 302 to a presigned URL, whose signature covers the type and the
 * disposition. The application still answers HEAD, 304, 404 and 412, from metadata.
 *
 * The application sends a file itself if the store could not send it in the same way: the storage has no presigned URLs, the
 * download has another content coding than the object, a rate limit, or needs a Content-Security-Policy.
 *
 * With `when`, the application sends further files itself: small ones, for which a redirect costs more than it saves, or
 * files for clients that can't follow a redirect.
 *
 * @throws {ImproperlyConfiguredError} if `expiresIn` is less than 2 seconds, or `when` is not a function
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
    throw new ImproperlyConfiguredError(
      `when must be a function that returns true for downloads to redirect, got ${JSON.stringify(when)}`,
    );
  }
  return (response, request) =>
    response.status === 200 && response.limitRate === undefined && response.pace === undefined
      ? new RedirectedDownloadResponse(ownResponse(response, request), { expiresIn, url, when })
      : response;
}

function always(): true {
  return true;
}

// Not `file.url`: the application fetches a remote file from that URL, which often contains credentials.
function storageUrl(file: DownloadFile, options: SignedUrlOptions): string | undefined | Promise<string | undefined> {
  return file.signedUrl?.(options);
}
