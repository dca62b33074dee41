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
import { derivedFrom, ownResponse } from "../responses/own-response.ts";
import { changeableCopy } from "../responses/web-response.ts";
import { privateCacheControl } from "../http/cache-control.ts";
import { clientAddress } from "./client-address.ts";
import { Resumption } from "./resumption.ts";
import { MemorySentVersions, type SentVersions } from "./sent-versions.ts";
import type { ResponseOverrides, URLVerifier, Verification, VerifiedGrant, VerifiedSignature } from "./url-verifier.ts";
import { markSignatureRequired, rememberVerification } from "./verified.ts";

export interface SignatureRequiredOptions<C = unknown> {
  /** Verifies the URLs, such as a `URLSigner`. */
  readonly signer: URLVerifier;
  /** The purpose that the link must be signed for. Default: none. */
  readonly purpose?: string;
  /**
   * The URL that the client requested: at least its path and query. Default `request.url`, for which the adapters use
   * `originalUrl` if a mounted router removed a prefix. If a proxy removes a prefix, add it again:
   * `url: (request) => "/app" + request.url`.
   */
  readonly url?: (request: DownloadRequest, context: ViewContext<C>) => string;
  /** The client's address, for signatures that are bound to one. Default: the address that the framework reports. */
  readonly ip?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /**
   * Whether a grant for a folder is accepted as well (`signer.grant()`). Default false. A grant in the path is removed from
   * the request's URL and from the parameters that the handler gets.
   */
  readonly prefixes?: boolean;
  /**
   * How long an expired link still serves the rest of a download, in seconds. Default 0.
   *
   * The request needs a `Range` that begins after the first byte, and an `If-Range` with a strong entity tag that was sent
   * under the same signature. The file must still have that version. The response is never a redirect.
   */
  readonly resumeFor?: number;
  /** Remembers versions for `resumeFor`. Default: `MemorySentVersions`. `RedisSentVersions`: for several machines. */
  readonly sentVersions?: SentVersions;
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * Wraps a handler so that it answers only signed URLs. The response gets the filename, type, disposition and `Cache-Control`
 * of the signature. Only the client may cache it, and not for longer than the signature is valid.
 *
 * For any other URL, the handler throws a {@link PermissionDeniedError}. Its `cause` has the reason for the log:
 * `"missing"`, `"expired"` or `"invalid"`. The client gets the same 403 in each case.
 *
 * @throws {ImproperlyConfiguredError} if `signer` is missing, or an option is invalid
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
  const resumption = resumptionOf(options, now);
  return markSignatureRequired(async (request: DownloadRequest, context: ViewContext<C>) => {
    const verification = await verified(options, request, context);
    if (!verification.ok) throw new PermissionDeniedError("Forbidden", { cause: verification.reason });
    const inner =
      verification.grant?.as === "path" ? withoutGrant(request, context, verification.grant) : { request, context };
    const known = resumable(verification, options.resumeFor);
    rememberVerification(request, known);
    rememberVerification(inner.request, known);
    const answer = async (): Promise<DownloadResult> => {
      const result = await handler(inner.request, inner.context);
      return "kind" in result ? ownResponse(result, request) : result;
    };
    const result = resumption ? await resumption.answer(request, verification, answer) : await answer();
    return presented(result, request, verification, now());
  });
}

function resumable(verification: VerifiedSignature, resumeFor = 0): VerifiedSignature {
  const { expiresAt } = verification;
  if (expiresAt === undefined || resumeFor === 0) return verification;
  return { ...verification, resumableUntil: new Date(expiresAt.getTime() + resumeFor * 1000) };
}

async function verified<C>(
  { signer, url, purpose, ip, prefixes, resumeFor = 0 }: SignatureRequiredOptions<C>,
  request: DownloadRequest,
  context: ViewContext<C>,
): Promise<Verification> {
  const asked = { method: request.method, headers: request.headers, url: url?.(request, context) ?? request.url };
  const expected = { purpose, ip: ip ? ip(request, context) : clientAddress(context), expiredFor: resumeFor };
  const verification = await signer.verify(asked, expected);
  // If the URL has a signature, that alone decides.
  const asksByGrant = prefixes === true && !verification.ok && verification.reason === "missing";
  return asksByGrant && signer.verifyGrant ? signer.verifyGrant(asked, expected) : verification;
}

/** Returns the request and its parameters without the grant in the path. */
function withoutGrant<C>(
  request: DownloadRequest,
  context: ViewContext<C>,
  { token }: VerifiedGrant,
): { request: DownloadRequest; context: ViewContext<C> } {
  const without = (text: string): string => text.replace(`${token}/`, "");
  const params = Object.entries(context.params).map(([name, value]) => [name, value && without(value)] as const);
  const inner = {
    method: request.method,
    url: without(request.url),
    headers: request.headers,
    // A getter: a signal is expensive to create, and most files do not read it.
    get signal(): AbortSignal | undefined {
      return request.signal;
    },
  } as DownloadRequest;
  return {
    request: derivedFrom(inner, request),
    context: { ...context, params: Object.fromEntries(params) },
  };
}

// JavaScript callers have no types.
function checkUse(
  handler: unknown,
  options: { signer?: { verify?: unknown; verifyGrant?: unknown }; prefixes?: unknown } | undefined,
): void {
  if (typeof handler !== "function") {
    throw new ImproperlyConfiguredError(
      `signatureRequired(handler, { signer }): handler must be a function, such as View.asView(), got ${typeof handler}`,
    );
  }
  if (typeof options?.signer?.verify !== "function") {
    throw new ImproperlyConfiguredError(
      "signatureRequired(handler, { signer }): signer must have verify(), such as new URLSigner({ secrets })",
    );
  }
  if (options.prefixes === true && typeof options.signer.verifyGrant !== "function") {
    throw new ImproperlyConfiguredError(
      "signatureRequired(handler, { prefixes: true }): signer must have verifyGrant(), such as new URLSigner({ secrets })",
    );
  }
}

function resumptionOf<C>(
  { resumeFor = 0, sentVersions }: SignatureRequiredOptions<C>,
  now: () => Date,
): Resumption | undefined {
  if (!(Number.isFinite(resumeFor) && resumeFor >= 0)) {
    throw new ImproperlyConfiguredError(`resumeFor must be a number of seconds, 0 or more, got ${resumeFor}`);
  }
  return resumeFor === 0 ? undefined : new Resumption(sentVersions ?? new MemorySentVersions(), resumeFor, now);
}

function presented(
  result: DownloadResult,
  request: DownloadRequest,
  { response, expiresAt }: VerifiedSignature,
  now: Date,
): DownloadResult {
  // Errors get no overrides and must not be cached.
  if (result.status < 200 || result.status >= 400) return result;
  // The headers of a web Response may be immutable, for example if `fetch` returned it.
  const own = result instanceof Response ? changeableCopy(result, request) : result;
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
  // An offloaded response: it has copies of the source's fields.
  if (overrides.disposition !== undefined || overrides.filename !== undefined)
    result.headers.delete("Content-Disposition");
  if (overrides.contentType !== undefined) result.headers.delete("Content-Type");
}

/** Returns the result if it is a download, or the download that it offloads or redirects. Otherwise undefined. */
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

/** Overrides the headers of a response that has no options any more: a proxied response or a web Response. */
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
