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
import { Resumption } from "./resumption.ts";
import { MemorySentVersions, type SentVersions } from "./sent-versions.ts";
import type { ResponseOverrides, URLVerifier, Verification, VerifiedGrant, VerifiedSignature } from "./url-verifier.ts";
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
  /**
   * Whether a grant for a folder is accepted, too (`signer.grant()`). Default false. A grant in the path is taken out of the
   * request's URL and of the parameters that the handler gets.
   */
  readonly prefixes?: boolean;
  /**
   * For how many seconds after its end a link still serves the rest of a download. Default 0.
   *
   * Only to a request with a `Range` that begins after the first byte, and an `If-Range` of a strong entity tag that was sent
   * under this very signature, and only while the file has that version. Never as a redirect.
   */
  readonly resumeFor?: number;
  /** Where is kept what `resumeFor` needs to know. Default: in this process. `RedisSentVersions` keeps it for several. */
  readonly sentVersions?: SentVersions;
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
  const resumption = resumptionOf(options, now);
  return markSignatureRequired(async (request: DownloadRequest, context: ViewContext<C>) => {
    const verification = await verified(options, request, context);
    if (!verification.ok) throw new PermissionDeniedError("Forbidden", { cause: verification.reason });
    const inner =
      verification.grant?.as === "path" ? withoutGrant(request, context, verification.grant) : { request, context };
    const known = resumable(verification, options.resumeFor);
    rememberVerification(request, known);
    rememberVerification(inner.request, known);
    const answer = (): Promise<DownloadResult> => handler(inner.request, inner.context);
    const result = resumption ? await resumption.answer(request, verification, answer) : await answer();
    return presented(result, verification, now());
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
  // A URL with a signature of its own is decided by that.
  const asksByGrant = prefixes === true && !verification.ok && verification.reason === "missing";
  return asksByGrant && signer.verifyGrant ? signer.verifyGrant(asked, expected) : verification;
}

/** The request and its parameters as they would be without the grant in the path. */
function withoutGrant<C>(
  request: DownloadRequest,
  context: ViewContext<C>,
  { token }: VerifiedGrant,
): { request: DownloadRequest; context: ViewContext<C> } {
  const without = (text: string): string => text.replace(`${token}/`, "");
  const params = Object.entries(context.params).map(([name, value]) => [name, value && without(value)] as const);
  return {
    request: {
      method: request.method,
      url: without(request.url),
      headers: request.headers,
      // Made when it is asked for: most files do not ask, and a signal is dear to make.
      get signal(): AbortSignal | undefined {
        return request.signal;
      },
    } as DownloadRequest,
    context: { ...context, params: Object.fromEntries(params) },
  };
}

// In JavaScript nothing else says so.
function checkUse(
  handler: unknown,
  options: { signer?: { verify?: unknown; verifyGrant?: unknown }; prefixes?: unknown } | undefined,
): void {
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
  if (options.prefixes === true && typeof options.signer.verifyGrant !== "function") {
    throw new ImproperlyConfiguredError(
      "signatureRequired(handler, { prefixes: true }) needs a signer with verifyGrant()",
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
