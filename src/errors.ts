/**
 * The errors that downloadview throws. Koa, h3 and Fastify read `status`, other frameworks `statusCode`, and Hono calls
 * `getResponse()`. If `expose` is true, the message may be sent to a client: it never contains a path, a key or an upstream
 * URL. `cause` has the details for the operator.
 */

import { sendableFields } from "./http/header-fields.ts";

/** The options of every error of this package: `cause`, and header fields for the response. */
export interface DownloadErrorOptions extends ErrorOptions {
  /** Header fields of the response, such as `Allow` or `Retry-After`. A field that cannot be sent is ignored. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * The base class of all errors of downloadview.
 *
 * @example
 * ```ts
 * import { DownloadError, FileNotFoundError } from "downloadview";
 *
 * const error = new FileNotFoundError();
 * console.assert(error instanceof DownloadError && error.status === 404);
 * ```
 */
export class DownloadError extends Error {
  override readonly name: string = "DownloadError";
  /** The HTTP status of the response. */
  readonly status: number;
  /** Whether the message may be sent to a client: true for a status below 500. */
  readonly expose: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, options: DownloadErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.expose = status < 500;
    this.headers = options.headers ? sendableFields(options.headers) : {};
  }

  /** The same as {@link status}, under the name that Fastify and Express also know. */
  get statusCode(): number {
    return this.status;
  }

  /** Returns a plain text response with the reason phrase of the status, and without validators. */
  getResponse(): Response {
    const body = `${reasonPhrases[this.status] ?? "Error"}\n`;
    return new Response(body, {
      status: this.status,
      headers: {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        ...this.headers,
      },
    });
  }
}

/** The few reason phrases that our errors need (RFC 9110 §15). */
export const reasonPhrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  416: "Range Not Satisfiable",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** There is no such file, for whatever reason: 404. The reason is in `cause`, never in the answer. */
export class FileNotFoundError extends DownloadError {
  override readonly name: string = "FileNotFoundError";
  constructor(message = "File not found", options?: DownloadErrorOptions) {
    super(404, message, options);
  }
}

/** A name that no storage and no root may resolve (`..`, NUL, a symlink out): 404, like any other missing file. */
export class InvalidPathError extends FileNotFoundError {
  override readonly name: string = "InvalidPathError";
}

/** The client may not have this file: 403. */
export class PermissionDeniedError extends DownloadError {
  override readonly name: string = "PermissionDeniedError";
  constructor(message = "Permission denied", options?: DownloadErrorOptions) {
    super(403, message, options);
  }
}

/** The method is not one that a view answers: 405 with `Allow` (RFC 9110 §15.5.6). */
export class MethodNotAllowedError extends DownloadError {
  override readonly name: string = "MethodNotAllowedError";
  constructor(allow: readonly string[], options?: DownloadErrorOptions) {
    super(405, "Method not allowed", { ...options, headers: { Allow: allow.join(", ") } });
  }
}

/** `save` was told to fail where the name is taken, and it is: 409. */
export class FileExistsError extends DownloadError {
  override readonly name: string = "FileExistsError";
  constructor(message = "There is a file of that name", options?: DownloadErrorOptions) {
    super(409, message, options);
  }
}

/** What was asked for is larger than the application allows: 413. The figures are in `cause`. */
export class ContentTooLargeError extends DownloadError {
  override readonly name: string = "ContentTooLargeError";
  constructor(message = "Too large", options?: DownloadErrorOptions) {
    super(413, message, options);
  }
}

/** An entry that no archive can have: without a file, of unknown length, or under a name that is taken: 500. */
export class ArchiveEntryError extends DownloadError {
  override readonly name: string = "ArchiveEntryError";
  constructor(message: string, options?: DownloadErrorOptions) {
    super(500, message, options);
  }
}

/** A remote source failed before its first byte: 502, or 504 when it took too long, or 503 when it asks to wait. */
export class UpstreamError extends DownloadError {
  override readonly name: string = "UpstreamError";
  constructor(status: 502 | 503 | 504 = 502, message = "Upstream failed", options?: DownloadErrorOptions) {
    super(status, message, options);
  }
}

/** A body ended before, or grew past, the length that was promised. The connection is destroyed. */
export class IncompleteBodyError extends DownloadError {
  override readonly name: string = "IncompleteBodyError";
  constructor(message = "The source ended early", options?: DownloadErrorOptions) {
    super(502, message, options);
  }
}

/** The file was replaced between its `stat` and its first byte. Rendering again serves the new one. */
export class FileChangedError extends DownloadError {
  override readonly name: string = "FileChangedError";
  constructor(message = "The file changed", options?: DownloadErrorOptions) {
    super(503, message, options);
  }
}

/** A one-shot source (a stream, a generator object) was asked for its bytes a second time. */
export class SourceConsumedError extends DownloadError {
  override readonly name: string = "SourceConsumedError";
  constructor(options?: DownloadErrorOptions) {
    super(
      500,
      "This source can be read only once and has been read. Give a function that makes a new stream or iterable " +
        "each time: new VirtualFile(() => makeStream(), { name })",
      options,
    );
  }
}

/** The programmer's mistake. Thrown when a view, a rule or a storage is made, never at a request. */
export class ImproperlyConfiguredError extends DownloadError {
  override readonly name: string = "ImproperlyConfiguredError";
  constructor(message: string, options?: DownloadErrorOptions) {
    super(500, message, options);
  }
}

/** `error` as a {@link DownloadError}, if it is one, also when another copy of this package threw it. */
export function isDownloadError(error: unknown): error is DownloadError {
  return (
    error instanceof DownloadError ||
    (error instanceof Error && "getResponse" in error && "statusCode" in error && "expose" in error)
  );
}
