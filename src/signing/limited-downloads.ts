import { assertChoice } from "../choice.ts";
import { ImproperlyConfiguredError, PermissionDeniedError } from "../errors.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { parseRange } from "../http/range.ts";
import type { DownloadOutcome, OnFinish } from "../responses/delivery.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult, ViewContext } from "../responses/handler.ts";
import { handedOverTransfer, type BeforeSend, type Transfer } from "../responses/transfer.ts";
import { clientAddress } from "./client-address.ts";
import type { DownloadCharge, DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";
import { encodeBase64Url, utf8 } from "./hmac-key.ts";
import { isLinkPreview } from "./link-preview.ts";
import { MemoryDownloadCounter } from "./memory-download-counter.ts";
import { parseUrl } from "./url-parts.ts";
import { isSignatureRequired, verifiedSignature } from "./verified.ts";

export interface LimitedDownloadsOptions<C = unknown> {
  /** How many downloads a link is good for. */
  readonly limit: number | ((request: DownloadRequest, context: ViewContext<C>) => number | Promise<number>);
  /** Where they are counted. Default: in this process. `RedisDownloadCounter` counts for several machines. */
  readonly counter?: DownloadCounter;
  /**
   * - `"started"` (default): a download counts as soon as one byte was sent.
   * - `"completed"`: a download that broke off does not count, so that a link works until the first download that
   *   arrived. A client that breaks off at the last byte has the file, and the link still works.
   */
  readonly count?: "started" | "completed";
  /**
   * How often a client may begin again, within one use, after a transfer that broke off. Measured in bytes: what broken
   * transfers had sent may add up to `restarts` times the size of the file. Default 3.
   */
  readonly restarts?: number;
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
   * Who downloads, to tell a client that goes on from another that begins. Default: the client's address, as the
   * framework knows it, with the `User-Agent`. If it is undefined, each request is a download of its own.
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
 * A handler whose links are good for a number of downloads.
 *
 * A use is one client's bytes of one version, once. It may take many requests: ranges, a resumed download, another
 * attempt after one that broke off. `docs/signing.md` has the table. In short:
 *
 * - Bytes that were sent completely are not sent again within the same use, whether as a whole or as `Range: bytes=0-`.
 * - After a transfer that broke off, the client resumes, or begins again as often as `restarts` allows.
 * - HEAD, 304, 404, 412 and 416 count for nothing.
 * - If a proxy, a CDN or a store sends the file (an offload, a redirect, a web `Response`), it counts when it is handed
 *   over. With a redirect the limit counts redirects: the store's URL works as often as it is used until it expires.
 *
 * What "the same client" is worth: those who share an address and a browser share a use, but get its bytes only once
 * between them. Behind a proxy that the framework doesn't trust (Express: `trust proxy`), all clients have the proxy's
 * address: configure the framework, or set `client`, for example to the user's id.
 *
 * Two links that were signed for the same URL in the same second are one link. Give each a parameter of its own, such
 * as `?to=alice`: the signature covers it.
 *
 * @throws {ImproperlyConfiguredError} for a limit that is not a whole number, and if `signatureRequired` is inside
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

/** The options, checked, with the defaults. Times are in milliseconds. */
interface Rules<C> {
  readonly counter: DownloadCounter;
  readonly count: "started" | "completed";
  readonly restarts: number;
  readonly grantLife: number;
  readonly now: () => Date;
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
  // A key of the application's own may outlive the link that it first came with.
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

// In JavaScript nothing else says so.
function checkUse(handler: unknown, options: { key?: unknown } | undefined): void {
  if (typeof handler !== "function") {
    throw new ImproperlyConfiguredError("limitedDownloads(handler, { limit }) needs a handler, such as View.asView()");
  }
  if (typeof options !== "object" || options === null) {
    throw new ImproperlyConfiguredError(
      "limitedDownloads(handler, { limit }) needs a limit: how many downloads a link is good for",
    );
  }
  if (!options.key && isSignatureRequired(handler)) {
    throw new ImproperlyConfiguredError(
      "limitedDownloads is around signatureRequired, so that no signature is verified when it counts. " +
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

/** Without a range, or with one from the first byte to the last, however large the file is. */
function asksForWhole({ method, headers }: DownloadRequest): boolean {
  const range = method === "GET" ? headers.get("range") : null;
  const specs = range === null ? undefined : parseRange(range);
  return specs === undefined || specs.some((spec) => "start" in spec && spec.start === 0 && spec.end === undefined);
}

function always<T>(value: T): () => T {
  return () => value;
}

function refuse(cause: "used" | "preview"): never {
  throw new PermissionDeniedError("Forbidden", { cause });
}

function signatureOf(request: DownloadRequest): string {
  const verification = verifiedSignature(request);
  // A grant is for a folder: each file in it is a link of its own.
  if (verification?.grant) return `${verification.signature} ${parseUrl(request.url)?.path ?? ""}`;
  if (verification) return verification.signature;
  throw new ImproperlyConfiguredError(
    "limitedDownloads found no verified signature on the request. " +
      "Write signatureRequired(limitedDownloads(view, { limit }), { signer }), or set `key` to count something else",
  );
}

function defaultClient(request: DownloadRequest, context: ViewContext<unknown>): string | undefined {
  const address = clientAddress(context);
  return address && `${address} ${request.headers.get("user-agent") ?? ""}`;
}

/** A counter stores no address. */
async function clientId(link: string, client: string | undefined): Promise<string> {
  if (client === undefined) return crypto.randomUUID();
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify([link, client])))));
}

type UseRules = Pick<Rules<never>, "counter" | "count" | "now" | "grantLife">;

/** One request's part of a use. */
class Use {
  readonly #rules: UseRules;
  readonly #link: string;
  readonly #terms: DownloadTerms;
  /** Undefined once the request has ended. */
  #grant: string | undefined;
  #charge: DownloadCharge | undefined;

  constructor(rules: UseRules, link: string, grant: string, terms: DownloadTerms) {
    this.#rules = rules;
    this.#link = link;
    this.#grant = grant;
    this.#terms = terms;
  }

  /** @throws {PermissionDeniedError} if neither the client's grants nor the link have as many bytes left */
  async charge(transfer: Transfer): Promise<void> {
    const grant = this.#grant;
    if (grant === undefined || this.#charge !== undefined) return;
    const charge = chargeOf(transfer);
    this.#charge = charge;
    const terms = { ...this.#terms, now: this.#rules.now().getTime() };
    this.#grant = await this.#rules.counter.charge(this.#link, grant, charge, terms);
    if (this.#grant === undefined) refuse("used");
  }

  /** Ends a request that another server answers. */
  async endHandedOver(transfer: Transfer): Promise<void> {
    await this.charge(transfer);
    await settled(this.#end("handedOver", 0, true));
  }

  endUnused(): Promise<void> {
    return settled(this.#end("unused", 0, false));
  }

  async end({ kind, status, bytesSent }: DownloadOutcome): Promise<void> {
    // Something was sent that was not announced: a response of another kind has replaced the one that announces.
    const unannounced = this.#charge === undefined && isSuccess(status) && (kind === "handedOver" || bytesSent > 0);
    if (unannounced) await this.charge(unknownTransfer);
    if (kind === "handedOver") return this.#end("handedOver", 0, true);
    if (this.#charge === undefined || (bytesSent === 0 && kind !== "completed")) return this.#end("unused", 0, false);
    if (kind === "completed") return this.#end("complete", this.#charge.bytes, true);
    return this.#end("broken", sentOf(this.#charge, bytesSent), this.#rules.count === "started");
  }

  async #end(kind: GrantResult["kind"], sent: number, counts: boolean): Promise<void> {
    const grant = this.#grant;
    if (grant === undefined) return;
    this.#grant = undefined;
    const { counter, now, grantLife } = this.#rules;
    const charge = this.#charge;
    await counter.end(this.#link, grant, { kind, charge, sent, counts, now: now().getTime(), grantLife });
  }
}

function isSuccess(status: number): boolean {
  return status < 400 && status !== 304;
}

const unknownTransfer: Transfer = {
  kind: "handedOver",
  bytes: undefined,
  first: 0,
  size: undefined,
  version: undefined,
};

/** How many parts stand for a file whose size is unknown. A request that goes on with it counts as one of them. */
const unknownSize = 32;
/** A player looks at a few bytes before it asks for the rest. */
const maxProbeBytes = 1024;

function chargeOf({ bytes, first, size, version }: Transfer): DownloadCharge {
  const resumes = first > 0;
  // An empty file counts as one byte.
  if (size === 0) return { bytes: 1, size: 1, version, resumes: false, probe: false };
  if (size === undefined || bytes === undefined) {
    return { bytes: resumes ? 1 : unknownSize, size: unknownSize, version, resumes, probe: false };
  }
  return { bytes, size, version, resumes, probe: bytes <= maxProbeBytes && bytes <= size / 10 };
}

/** At most what was charged: several ranges have part heads between them, and parts of unknown size are no bytes. */
function sentOf({ bytes }: DownloadCharge, bytesSent: number): number {
  return Math.min(bytes, bytesSent);
}

/** Has the use charged before the first byte, and ended when the response has ended. */
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
    void settled(use.end(outcome));
    return onFinish?.(outcome);
  };
  return response;
}

interface Watched {
  readonly request: DownloadRequest;
  readonly onFinish: OnFinish | undefined;
  readonly beforeSend: BeforeSend | undefined;
}

const responses = new WeakMap<object, Watched>();

/** The response, or a copy if the handler returns the same one for each request: it would be counted for all of them. */
function ownResponse<R extends Exclude<DownloadResult, Response>>(response: R, request: DownloadRequest): R {
  const before = responses.get(response);
  if (before === undefined) {
    responses.set(response, { request, onFinish: response.onFinish, beforeSend: response.beforeSend });
    return response;
  }
  // Counted twice: a limit for each link within one for each user.
  if (before.request === request) return response;
  if (response.kind === "proxied") {
    throw new ImproperlyConfiguredError(
      "The handler returned one response for two requests. Create one for each request",
    );
  }
  const copy = Object.create(Object.getPrototypeOf(response), {
    ...Object.getOwnPropertyDescriptors(response),
    headers: { value: new HeaderFields(response.headers), enumerable: true },
    // Read from a private field, which the copy does not have.
    ...("hooks" in response ? { hooks: { value: response.hooks } } : {}),
  }) as R;
  return Object.assign(copy, { onFinish: before.onFinish, beforeSend: before.beforeSend });
}

/** What a web `Response` sends, by its own fields. */
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
  // A redirect: the client takes its range along. Any other response is the whole file: a range that was asked for says
  // no more than that the client goes on with what broke off.
  if (status >= 300 || status === 206) return { ...handedOver, version };
  const length = headers.get("content-length");
  const all = length !== null && /^\d+$/.test(length) ? Number(length) : unknownSize;
  return { ...handedOver, bytes: all, size: all, version };
}

/** If the counter can't be told of an end, the use stays counted. The client has its answer already. */
function settled(end: Promise<void>): Promise<void> {
  return end.catch(() => undefined);
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
