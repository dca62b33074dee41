import { ImproperlyConfiguredError, PermissionDeniedError } from "../errors.ts";
import { contentDisposition, parseContentDisposition } from "../http/content-disposition.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../responses/handler.ts";
import { privateCacheControl } from "../http/cache-control.ts";
import { clientAddress } from "./client-address.ts";
import type { ResponseOverrides, URLVerifier, VerifiedSignature } from "./url-verifier.ts";
import { markSignatureRequired, rememberVerification } from "./verified.ts";

export interface SignatureRequiredOptions<C = unknown> {
  readonly signer: URLVerifier;
  /** What the link has to be for. */
  readonly purpose?: string;
  /**
   * The URL as the client asked for it, its path and query at least. Default `request.url`, which the adapters take from
   * `originalUrl` where a router is mounted and cuts off a part. Where a proxy cuts one off, put it back:
   * `url: (request) => "/app" + request.url`.
   */
  readonly url?: (request: DownloadRequest, context: ViewContext<C>) => string;
  /** The client's address, for signatures that are bound to one. Default: what the framework says, as it is set up. */
  readonly ip?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * A handler that answers only to signed URLs. What a signature says of the response is done (name, type, disposition,
 * `Cache-Control`), and no cache but the client's keeps the answer, nor for longer than the signature holds.
 *
 * The handler throws a {@link PermissionDeniedError} for any other URL, with the reason in its `cause` for the log:
 * `"missing"`, `"expired"` or `"invalid"`. A client is told the same in each case.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { signatureRequired, URLSigner } from "downloadview/signing";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const handler = signatureRequired(async () => download("Hello", { name: "hello.txt" }), { signer });
 *
 * const url = await signer.sign("https://example.com/hello", { response: { filename: "greeting.txt" } });
 * const result = await handler(new Request(url), { params: {}, native: undefined });
 * console.assert("filename" in result && result.filename === "greeting.txt");
 *
 * const refused = await handler(new Request("https://example.com/hello"), { params: {}, native: undefined }).catch(
 *   (error) => error,
 * );
 * console.assert(refused.status === 403 && refused.cause === "missing");
 * ```
 */
export function signatureRequired<C>(
  handler: DownloadHandler<C>,
  options: SignatureRequiredOptions<C>,
): DownloadHandler<C> {
  checkUse(handler, options);
  const now = options.now ?? (() => new Date());
  return markSignatureRequired(async (request: DownloadRequest, context: ViewContext<C>) => {
    const verification = await options.signer.verify(
      { method: request.method, headers: request.headers, url: options.url?.(request, context) ?? request.url },
      { purpose: options.purpose, ip: options.ip ? options.ip(request, context) : clientAddress(context) },
    );
    if (!verification.ok) throw new PermissionDeniedError("Forbidden", { cause: verification.reason });
    rememberVerification(request, verification);
    return presented(await handler(request, context), verification, now());
  });
}

// In JavaScript nothing else says so.
function checkUse(handler: unknown, options: { signer?: { verify?: unknown } } | undefined): void {
  if (typeof handler !== "function") {
    throw new ImproperlyConfiguredError(
      "signatureRequired(handler, { signer }) needs a handler, such as View.asView()",
    );
  }
  if (typeof options?.signer?.verify !== "function") {
    throw new ImproperlyConfiguredError(
      "signatureRequired(handler, { signer }) needs a signer, such as new URLSigner({ secrets })",
    );
  }
}

function presented(result: DownloadResult, { response, expiresAt }: VerifiedSignature, now: Date): DownloadResult {
  // An error is neither what was signed for, nor to be kept.
  if (result.status < 200 || result.status >= 400) return result;
  // The headers of a web Response may be immutable, as those of a fetched one are.
  const own = result instanceof Response ? new Response(result.body, result) : result;
  if (response) override(own, response);
  const cacheControl = response?.cacheControl ?? own.headers.get("Cache-Control");
  const seconds = expiresAt && Math.max(0, Math.floor((expiresAt.getTime() - now.getTime()) / 1000));
  own.headers.set("Cache-Control", privateCacheControl(cacheControl, seconds));
  own.headers.delete("Expires");
  return own;
}

function override(result: DownloadResult, overrides: ResponseOverrides): void {
  const source = sourceOf(result);
  if (source) overrideFields(source, overrides);
  if (source === undefined || source === result) return source ? undefined : overrideHeaders(result.headers, overrides);
  // What the handler made of its source: a hand-over, with the fields that the source had.
  if (overrides.disposition !== undefined || overrides.filename !== undefined)
    result.headers.delete("Content-Disposition");
  if (overrides.contentType !== undefined) result.headers.delete("Content-Type");
}

/** The download that a result is, or that it hands over. */
function sourceOf(result: DownloadResult): DownloadResponse | undefined {
  if (isDownloadResponse(result)) return result;
  const { source } = result as { source?: unknown };
  return isDownloadResponse(source) ? source : undefined;
}

function overrideFields(response: DownloadResponse, { disposition, filename, contentType }: ResponseOverrides): void {
  if (disposition !== undefined) response.attachment = disposition === "attachment";
  if (filename !== undefined) response.filename = filename;
  if (contentType !== undefined) response.contentType = contentType;
  // A header that the application set would win over the fields.
  if (disposition !== undefined || filename !== undefined) response.headers.delete("Content-Disposition");
  if (contentType !== undefined) response.headers.delete("Content-Type");
}

/** For a response that is made already: one that a proxy is to complete, or a web Response. */
function overrideHeaders(
  headers: { get(name: string): string | null; set(name: string, value: string): unknown },
  { disposition, filename, contentType }: ResponseOverrides,
): void {
  if (contentType !== undefined) headers.set("Content-Type", contentType);
  if (disposition === undefined && filename === undefined) return;
  const known = parseContentDisposition(headers.get("Content-Disposition") ?? "attachment");
  const type = disposition ?? (known.type === "inline" ? "inline" : "attachment");
  headers.set("Content-Disposition", contentDisposition(type, filename ?? known.filename));
}
