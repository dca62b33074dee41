import { assertChoice } from "../choice.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { parseRange } from "../http/range.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult, ViewContext } from "../responses/handler.ts";
import { ownResponse } from "../responses/own-response.ts";
import { handedOverTransfer, type Transfer } from "../responses/transfer.ts";
import { clientAddress } from "./client-address.ts";
import type { DownloadCounter, DownloadTerms } from "./download-counter.ts";
import { encodeBase64Url, utf8 } from "./hmac-key.ts";
import { isLinkPreview } from "./link-preview.ts";
import { MemoryDownloadCounter } from "./memory-download-counter.ts";
import { parseUrl } from "./url-parts.ts";
import { isSuccess, refuse, unknownSize, Use, type UseRules } from "./use.ts";
import { isSignatureRequired, verifiedSignature } from "./verified.ts";

export interface LimitedDownloadsOptions<C = unknown> {
  /** How many downloads a link allows: a whole number, 0 or more. */
  readonly limit: number | ((request: DownloadRequest, context: ViewContext<C>) => number | Promise<number>);
  /** Counts the downloads. Default: `MemoryDownloadCounter`, in this process. `RedisDownloadCounter`: for several machines. */
  readonly counter?: DownloadCounter;
  /**
   * - `"started"` (default): a download counts as soon as one byte was sent.
   * - `"completed"`: a broken download does not count, so that a link works until the first complete download. A client that
   *   disconnects at the last byte has the file, and the link still works.
   */
  readonly count?: "started" | "completed";
  /**
   * How often a client may start again within one use, after a broken transfer. It is measured in bytes: broken transfers
   * may have sent up to `restarts` times the size of the file. Default 3.
   */
  readonly restarts?: number;
  /**
   * Seconds from the first use after which the count starts again: `{ limit: 5, within: 86_400 }` allows five a day.
   * Default: not before the signature expires, and never with `key`.
   */
  readonly within?: number;
  /** How long after its last request a client may resume its download, in seconds. Default 3600. */
  readonly resumeWithin?: number;
  /** The key under which downloads are counted. Default: the signature that a `signatureRequired` around this verified. */
  readonly key?: (request: DownloadRequest, context: ViewContext<C>) => string | Promise<string>;
  /**
   * Identifies the client, to tell a client that resumes from another that starts. Default: the client's address from the
   * framework, with the `User-Agent`. If it returns undefined, each request is a separate download.
   */
  readonly client?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /**
   * What to do with requests that only prepare for a click: prefetches of browsers (`Sec-Purpose: prefetch`) and known
   * link-preview agents (chat, mail, social networks).
   *
   * - `"refuse"` (default): 403. They get no byte, and do not use the link.
   * - `"count"`: treat them as any other request.
   * - a function that says which requests to refuse.
   */
  readonly previews?: "refuse" | "count" | ((request: DownloadRequest) => boolean);
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * Wraps a handler so that each link allows a number of downloads.
 *
 * One use sends the bytes of one version to one client, once. It may take many requests: ranges, a resumed download, another
 * attempt after a broken one. `docs/signing.md` has the table. In short:
 *
 * - Bytes that were sent completely are not sent again within the same use, whether as a whole or as `Range: bytes=0-`.
 * - After a broken transfer, the client can resume, or start again as often as `restarts` allows.
 * - HEAD, 304, 404, 412 and 416 do not count.
 * - If a proxy, a CDN or a store sends the file (an offload, a redirect, a web `Response`), it counts when it is handed
 *   over. With a redirect the limit counts redirects: the store's URL works without limit until it expires.
 *
 * Clients that share an address and a browser count as the same client. They share a use, and get its bytes only once
 * between them. Behind a proxy that the framework does not trust (Express: `trust proxy`), all clients have the proxy's
 * address: configure the framework, or set `client`, for example to the user's id.
 *
 * Two links that were signed for the same URL in the same second are one link. To tell them apart, add a parameter, such
 * as `?to=alice`: the signature covers it.
 *
 * @throws {ImproperlyConfiguredError} if an option is invalid, or `signatureRequired` is inside instead of around
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { limitedDownloads, signatureRequired, URLSigner } from "downloadview/signing";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const once = limitedDownloads(async () => download("secret", { name: "secret.txt" }), { limit: 1 });
 * const handler = toFetchHandler(signatureRequired(once, { signer }));
 *
 * const url = await signer.sign("https://example.com/secret");
 * const first = await handler(new Request(url));
 * console.assert((await first.text()) === "secret");
 * const second = await handler(new Request(url));
 * console.assert(second.status === 403);
 * ```
 */
export function limitedDownloads<C>(
  handler: DownloadHandler<C>,
  options: LimitedDownloadsOptions<C>,
): DownloadHandler<C> {
  const rules = rulesOf(handler, options);
  return async (request, context) => {
    if (rules.isPreview(request)) refuse("preview");
    const { link, terms } = await asked(rules, request, context);
    const { counter } = rules;
    if (request.method === "HEAD")
      return (await counter.allows(link, terms)) ? handler(request, context) : refuse("used");
    const grant = (await counter.begin(link, terms)) ?? refuse("used");
    const use = new Use(rules, link, grant, terms);
    try {
      return await watched(await handler(request, context), request, use);
    } catch (error) {
      await use.endUnused();
      throw error;
    }
  };
}

/** The checked options, with defaults. Times are in milliseconds. */
interface Rules<C> extends UseRules {
  readonly restarts: number;
  isPreview(request: DownloadRequest): boolean;
  key(request: DownloadRequest, context: ViewContext<C>): string | Promise<string>;
  client(request: DownloadRequest, context: ViewContext<C>): string | undefined;
  limit(request: DownloadRequest, context: ViewContext<C>): number | Promise<number>;
  expiresAt(request: DownloadRequest, now: number): number | undefined;
}

function rulesOf<C>(handler: DownloadHandler<C>, options: LimitedDownloadsOptions<C>): Rules<C> {
  checkUse(handler, options);
  const { limit, key, within, previews = "refuse" } = options;
  assertChoice(options.count, ["started", "completed"], "limitedDownloads(): count");
  if (typeof previews !== "function") assertChoice(previews, ["refuse", "count"], "limitedDownloads(): previews");
  const countLife = within === undefined ? undefined : milliseconds("within", within);
  // With `key`, the count may outlive the link of its first request.
  const ownExpiry = (request: DownloadRequest): number | undefined => {
    const { resumableUntil, expiresAt } = (!key && verifiedSignature(request)) || {};
    return (resumableUntil ?? expiresAt)?.getTime();
  };
  return {
    counter: options.counter ?? new MemoryDownloadCounter(),
    count: options.count ?? "started",
    restarts: checkedRestarts(options.restarts ?? 3),
    grantLife: milliseconds("resumeWithin", options.resumeWithin ?? 3600),
    now: options.now ?? (() => new Date()),
    isPreview: typeof previews === "function" ? previews : previews === "count" ? always(false) : isLinkPreview,
    key: key ?? signatureOf,
    client: options.client ?? defaultClient,
    limit: typeof limit === "function" ? limit : always(checkedLimit(limit)),
    expiresAt: (request, now) => (countLife === undefined ? ownExpiry(request) : now + countLife),
  };
}

// JavaScript callers have no types.
function checkUse(handler: unknown, options: { key?: unknown } | undefined): void {
  if (typeof handler !== "function") {
    throw new ImproperlyConfiguredError(
      `limitedDownloads(handler, { limit }): handler must be a function, such as View.asView(), got ${typeof handler}`,
    );
  }
  if (typeof options !== "object" || options === null) {
    throw new ImproperlyConfiguredError(
      "limitedDownloads(handler, { limit }): limit is missing. Write how many downloads a link allows, such as { limit: 1 }",
    );
  }
  if (!options.key && isSignatureRequired(handler)) {
    throw new ImproperlyConfiguredError(
      "limitedDownloads must be inside signatureRequired: it counts by the signature, which must be verified before. " +
        "Write signatureRequired(limitedDownloads(view, { limit }), { signer })",
    );
  }
}

async function asked<C>(
  rules: Rules<C>,
  request: DownloadRequest,
  context: ViewContext<C>,
): Promise<{ link: string; terms: DownloadTerms }> {
  const link = await rules.key(request, context);
  const now = rules.now().getTime();
  const terms = {
    client: await clientId(link, rules.client(request, context)),
    whole: asksForWhole(request),
    limit: checkedLimit(await rules.limit(request, context)),
    restarts: rules.restarts,
    now,
    grantLife: rules.grantLife,
    expiresAt: rules.expiresAt(request, now),
  };
  return { link, terms };
}

/** Whether the request has no range, or one from the first byte to the end. The size of the file is not known yet. */
function asksForWhole({ method, headers }: DownloadRequest): boolean {
  const range = method === "GET" ? headers.get("range") : null;
  const specs = range === null ? undefined : parseRange(range);
  return specs === undefined || specs.some((spec) => "start" in spec && spec.start === 0 && spec.end === undefined);
}

function always<T>(value: T): () => T {
  return () => value;
}

function signatureOf(request: DownloadRequest): string {
  const verification = verifiedSignature(request);
  // A grant is for a folder: each file in it counts as a separate link.
  if (verification?.grant) return `${verification.signature} ${parseUrl(request.url)?.path ?? ""}`;
  if (verification) return verification.signature;
  throw new ImproperlyConfiguredError(
    "limitedDownloads found no verified signature on the request. " +
      "Write signatureRequired(limitedDownloads(view, { limit }), { signer }), or set `key` to count by another text",
  );
}

function defaultClient(request: DownloadRequest, context: ViewContext<unknown>): string | undefined {
  const address = clientAddress(context);
  return address && `${address} ${request.headers.get("user-agent") ?? ""}`;
}

/** Hashes the client, so that a counter stores no address. */
async function clientId(link: string, client: string | undefined): Promise<string> {
  if (client === undefined) return crypto.randomUUID();
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify([link, client])))));
}

/** Charges the use before the first byte, and ends it when the response has ended. */
async function watched(result: DownloadResult, request: DownloadRequest, use: Use): Promise<DownloadResult> {
  if (!("kind" in result)) {
    await (isSuccess(result.status) ? use.endHandedOver(transferIn(result, request)) : use.endUnused());
    return result;
  }
  const response = ownResponse(result, request);
  const { onFinish, beforeSend } = response;
  response.beforeSend = async (transfer) => {
    await beforeSend?.(transfer);
    await use.charge(transfer);
  };
  response.onFinish = (outcome) => {
    void use.end(outcome);
    return onFinish?.(outcome);
  };
  return response;
}

/** Derives the transfer of a web `Response` from its header fields. */
function transferIn({ headers, status }: Response, request: DownloadRequest): Transfer {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(headers.get("content-range") ?? "") ?? [];
  const etag = headers.get("etag");
  const version = etag?.startsWith('"') ? etag : undefined;
  if (status === 206 && first !== undefined) {
    return {
      kind: "handedOver",
      bytes: Number(last) - Number(first) + 1,
      first: Number(first),
      size: Number(size),
      version,
    };
  }
  const handedOver = handedOverTransfer(request, {});
  // With a redirect, the client sends its range to the new URL. Any other response is the whole file: there, a requested
  // range only shows that the client resumes a broken transfer.
  if (status >= 300 || status === 206) return { ...handedOver, version };
  const length = headers.get("content-length");
  const all = length !== null && /^\d+$/.test(length) ? Number(length) : unknownSize;
  return { ...handedOver, bytes: all, size: all, version };
}

function checkedLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new ImproperlyConfiguredError(`limit must be a whole number of downloads, 0 or more, got ${limit}`);
}

function checkedRestarts(restarts: number): number {
  if (Number.isFinite(restarts) && restarts >= 0) return restarts;
  throw new ImproperlyConfiguredError(`restarts must be a number, 0 or more, got ${restarts}`);
}

function milliseconds(option: "resumeWithin" | "within", seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds * 1000);
  throw new ImproperlyConfiguredError(`${option} must be a number of seconds, 0 or more, got ${seconds}`);
}
