import { ImproperlyConfiguredError, PermissionDeniedError } from "../errors.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult, ViewContext } from "../responses/handler.ts";
import { clientAddress } from "./client-address.ts";
import type { DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";
import { encodeBase64Url, utf8 } from "./hmac-key.ts";
import { MemoryDownloadCounter } from "./memory-download-counter.ts";
import { verifiedSignature } from "./verified.ts";

export interface LimitedDownloadsOptions<C = unknown> {
  /** How many downloads a link is good for. */
  readonly limit: number | ((request: DownloadRequest, context: ViewContext<C>) => number | Promise<number>);
  /** Where they are counted. Default: in this process. `RedisDownloadCounter` counts for several machines. */
  readonly counter?: DownloadCounter;
  /**
   * - `started` (default): a download counts as soon as a byte of it was sent.
   * - `completed`: one that broke off before its end does not count, so that a link works until the first download
   *   that arrived. Whoever breaks off at the last byte has the file, and the link still works.
   */
  readonly count?: "started" | "completed";
  /**
   * After how many seconds from the first use the count begins anew: `{ limit: 5, within: 86_400 }` is five a day.
   * Default: never while the signature holds, and never at all for a `key` of your own.
   */
  readonly within?: number;
  /** For how many seconds after its last request a client may go on with its download. Default 3600. */
  readonly resumeWithin?: number;
  /** What is counted. Default: the signature, verified by a `signatureRequired` around this handler. */
  readonly key?: (request: DownloadRequest, context: ViewContext<C>) => string | Promise<string>;
  /**
   * Who downloads, to tell a client that goes on from another that begins. Default: the address that the framework
   * says, with the `User-Agent`. Where it is undefined each request is a download of its own.
   */
  readonly client?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * A handler whose links are good for a number of downloads.
 *
 * One download may take many requests. A `Range` request, or another attempt after one that broke off, is part of the
 * same download if it comes from the same client within `resumeWithin` seconds; a request for the whole file while
 * another is under way, or after one that was sent to its end, is another download. HEAD counts for nothing, and
 * neither does an answer without the file (304, 404, 416, …).
 *
 * What "the same client" is worth: those who share an address and a browser can go on with each other's download until
 * that has ended. Behind a proxy that the framework doesn't trust (Express: `trust proxy`) everybody has the proxy's
 * address: set that up, or say who the `client` is, by the user's id for example. What a proxy or another server sends
 * (an offload, a redirect, a web `Response`) counts when it is handed over: nobody tells how it ends.
 *
 * Two links that were signed for the same URL in the same second are one link. Give each a parameter of its own, such
 * as `?to=alice`: the signature covers it.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { limitedDownloads, signatureRequired, UrlSigner } from "downloadview/signing";
 *
 * const signer = new UrlSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const once = limitedDownloads(async () => download("secret", { name: "secret.txt" }), { limit: 1 });
 * const handler = signatureRequired(once, { signer });
 *
 * const request = new Request(await signer.sign("https://example.com/secret"));
 * const context = { params: {}, native: undefined };
 * await handler(request, context);
 * const second = await handler(request, context).catch((error) => error);
 * console.assert(second.status === 403 && second.cause === "used");
 * ```
 */
export function limitedDownloads<C>(
  handler: DownloadHandler<C>,
  options: LimitedDownloadsOptions<C>,
): DownloadHandler<C> {
  const rules = rulesOf(options);
  return async (request, context) => {
    const { link, terms } = await asked(rules, request, context);
    const { counter, count, grantLife, now } = rules;
    if (request.method === "HEAD") return (await counter.allows(link, terms)) ? handler(request, context) : used();
    const grant = (await counter.begin(link, terms)) ?? used();
    const end = (kind: GrantResult["kind"]): Promise<void> =>
      counter.end(link, grant, { kind, now: now().getTime(), grantLife });
    try {
      return watched(await handler(request, context), (outcome) => end(resultOf(outcome, count)));
    } catch (error) {
      await settled(end("unused"));
      throw error;
    }
  };
}

/** The options, checked, with what stands for those that were not given. Times are in milliseconds. */
interface Rules<C> {
  readonly counter: DownloadCounter;
  readonly count: "started" | "completed";
  readonly grantLife: number;
  readonly now: () => Date;
  key(request: DownloadRequest, context: ViewContext<C>): string | Promise<string>;
  client(request: DownloadRequest, context: ViewContext<C>): string | undefined;
  limit(request: DownloadRequest, context: ViewContext<C>): number | Promise<number>;
  expiresAt(request: DownloadRequest, now: number): number | undefined;
}

function rulesOf<C>({ limit, key, within, ...options }: LimitedDownloadsOptions<C>): Rules<C> {
  const countLife = within === undefined ? undefined : milliseconds(within);
  // A key of the application's own may outlive the link that it first came with.
  const ownExpiry = (request: DownloadRequest): number | undefined =>
    key ? undefined : verifiedSignature(request)?.expiresAt?.getTime();
  return {
    counter: options.counter ?? new MemoryDownloadCounter(),
    count: options.count ?? "started",
    grantLife: milliseconds(options.resumeWithin ?? 3600),
    now: options.now ?? (() => new Date()),
    key: key ?? signatureOf,
    client: options.client ?? defaultClient,
    limit: typeof limit === "number" ? always(checkedLimit(limit)) : limit,
    expiresAt: (request, now) => (countLife === undefined ? ownExpiry(request) : now + countLife),
  };
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
    whole: request.headers.get("range") === null,
    limit: checkedLimit(await rules.limit(request, context)),
    now,
    grantLife: rules.grantLife,
    expiresAt: rules.expiresAt(request, now),
  };
  return { link, terms };
}

function always<T>(value: T): () => T {
  return () => value;
}

function used(): never {
  throw new PermissionDeniedError("Forbidden", { cause: "used" });
}

function signatureOf(request: DownloadRequest): string {
  const verification = verifiedSignature(request);
  if (verification) return verification.signature;
  throw new ImproperlyConfiguredError("limitedDownloads needs a signatureRequired around it, or a key");
}

function defaultClient(request: DownloadRequest, { native }: ViewContext<unknown>): string | undefined {
  const address = clientAddress(native);
  return address && `${address} ${request.headers.get("user-agent") ?? ""}`;
}

/** No counter gets to keep an address. */
async function clientId(link: string, client: string | undefined): Promise<string> {
  if (client === undefined) return crypto.randomUUID();
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify([link, client])))));
}

/** Has `ended` called when it is known how the response ended, if ever. A grant without an end counts. */
function watched(result: DownloadResult, ended: (outcome: DownloadOutcome) => Promise<void>): DownloadResult {
  if (!("kind" in result)) {
    if (result.status >= 400)
      void settled(ended({ kind: "completed", status: result.status, bytesSent: 0, completed: true }));
  } else if (result.kind === "download") {
    const { onFinish } = result;
    result.onFinish = (outcome) => {
      void settled(ended(outcome));
      return onFinish?.(outcome);
    };
  }
  return result;
}

/** Where the counter can't be told any more the use stays counted, and the client has its answer already. */
function settled(end: Promise<void>): Promise<void> {
  return end.catch(() => undefined);
}

function resultOf(
  { kind, status, bytesSent, completed }: DownloadOutcome,
  count: "started" | "completed",
): GrantResult["kind"] {
  if (status === 206) return bytesSent > 0 ? "partial" : "unused";
  if (status < 200 || status >= 300) return "unused";
  if (completed || kind === "handedOver") return "complete";
  return count === "started" && bytesSent > 0 ? "partial" : "unused";
}

function checkedLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new ImproperlyConfiguredError("The limit is a whole number of downloads");
}

function milliseconds(seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds * 1000);
  throw new ImproperlyConfiguredError("resumeWithin and within are numbers of seconds");
}
