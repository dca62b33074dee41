import { debug } from "../diagnostics.ts";
import { DownloadError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import { clientNetwork } from "../http/ip-prefix.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../responses/handler.ts";
import { ownResponse } from "../responses/own-response.ts";
import type { SlowReaders } from "../responses/rendered-response.ts";
import type { Transfer } from "../responses/transfer.ts";
import { limitResponse } from "../responses/web-response.ts";
import { clientAddress } from "../signing/client-address.ts";
import { encodeBase64Url, utf8 } from "../signing/hmac-key.ts";
import { MemoryRunningDownloads } from "./memory-running-downloads.ts";
import type { RunningDownloads, RunningTransfer } from "./running-downloads.ts";

/** A number, or a function of the request, such as one that looks up the plan of a user. */
export type LimitOf<C> = number | ((request: DownloadRequest, context: ViewContext<C>) => number | Promise<number>);

export interface LimitDownloadsOptions<C = unknown> {
  /** How many downloads may run at a time under one key: a whole number, 1 or more. Default: no such limit. */
  readonly concurrent?: LimitOf<C>;
  /**
   * Whose downloads are counted together: a user's id. Undefined for a request that is not limited. Default: the client's
   * IPv4 address, or the /64 of its IPv6 address; without an address, all such clients share a key.
   */
  readonly key?: (
    request: DownloadRequest,
    context: ViewContext<C>,
  ) => string | undefined | Promise<string | undefined>;
  /** Counts what runs. Default: `MemoryRunningDownloads`, in this process. `RedisRunningDownloads`: for several. */
  readonly counter?: RunningDownloads;
  /** Bytes a second that all downloads of a key share. nginx gets the share of one that it sends. Default: no limit. */
  readonly rate?: LimitOf<C>;
  /** Seconds without a byte taken after which a client loses its connection. `false`: never. Default 60. */
  readonly idle?: number | false;
  /** A client that takes fewer bytes a second, over 30 seconds, loses its connection. Default 0. */
  readonly minimumRate?: number;
  /** `Retry-After` of a 429, in seconds. Default 30. */
  readonly retryAfter?: number;
  /** Seconds after which the downloads of a process that crashed no longer count. Default 60. */
  readonly lease?: number;
  /**
   * Seconds for which a download counts that another server or a store sends, as far as its end is not reported. Default: as
   * long as it takes at its share of `rate`, at most an hour; without a rate the time of one `lease`.
   */
  readonly handedOver?: number;
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * Wraps a handler so that each user has a number of downloads at a time, shares a bandwidth among them, and loses a
 * connection that is not read.
 *
 * A download too many gets a 429 with `Retry-After`. A download may take several transfers: a range of a file of which
 * another transfer runs under the key belongs to that download, as long as all of them together are at most twice as large
 * as the file. HEAD, 304, 404, 412 and 416 do not count.
 *
 * While a download runs, its process renews its lease, so that a crash leaks no slot. A `Response` that a view makes itself
 * is limited like any other download if it has a body, by its Content-Length, Content-Range and ETag.
 *
 * @throws {ImproperlyConfiguredError} if an option is invalid
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { limitDownloads } from "downloadview/limits";
 *
 * const view = async () => download("0123456789", { name: "a.txt" });
 * const limited = limitDownloads(view, { concurrent: 1, key: (request) => request.headers.get("X-User") ?? undefined });
 * const handler = toFetchHandler(limited);
 *
 * const headers = { "X-User": "alice" };
 * const running = await handler(new Request("http://localhost/a", { headers }));
 * const second = await handler(new Request("http://localhost/a", { headers }));
 * console.assert(second.status === 429 && second.headers.get("Retry-After") === "30");
 * console.assert((await running.text()) === "0123456789");
 * console.assert((await handler(new Request("http://localhost/a", { headers }))).status === 200);
 * ```
 */
export function limitDownloads<C>(handler: DownloadHandler<C>, options: LimitDownloadsOptions<C>): DownloadHandler<C> {
  const rules = rulesOf(handler, options);
  const slots = new Slots(rules);
  return async (request, context) => {
    const key = await rules.key(request, context);
    const result = await handler(request, context);
    if (key === undefined) return result;
    if (!("kind" in result) && !isTransfer(result, request)) return result;
    const limit = checkedLimit(await valueOf(rules.concurrent, request, context));
    const rate = checkedRate("rate", await valueOf(rules.rate, request, context));
    const limits = { key, limit, rate, slots, rules };
    return "kind" in result ? limited(result, request, limits) : limitedWeb(result, request, limits);
  };
}

/** The checked options, with defaults. Times are in milliseconds. */
interface Rules<C> {
  readonly counter: RunningDownloads;
  readonly concurrent: LimitOf<C>;
  readonly rate: LimitOf<C>;
  readonly idle: number | undefined;
  readonly minimumRate: number;
  readonly retryAfter: number;
  readonly lease: number;
  readonly handedOver: number | undefined;
  readonly now: () => Date;
  key(request: DownloadRequest, context: ViewContext<C>): string | undefined | Promise<string | undefined>;
}

function rulesOf<C>(handler: DownloadHandler<C>, options: LimitDownloadsOptions<C>): Rules<C> {
  if (typeof handler !== "function" || typeof options !== "object" || options === null) {
    throw new ImproperlyConfiguredError(
      "limitDownloads(handler, options) needs a handler, such as View.asView(), and options such as { concurrent: 3 }",
    );
  }
  const { concurrent = Infinity, rate = Infinity, key, counter, idle = 60, minimumRate = 0, handedOver } = options;
  if (typeof concurrent !== "function") checkedLimit(concurrent);
  if (typeof rate !== "function") checkedRate("rate", rate);
  return {
    counter: counter ?? new MemoryRunningDownloads(),
    concurrent,
    rate,
    idle: idle === false ? undefined : seconds("idle", idle),
    minimumRate: minimumRate === 0 ? 0 : checkedRate("minimumRate", minimumRate),
    retryAfter: seconds("retryAfter", options.retryAfter ?? 30),
    lease: seconds("lease", options.lease ?? 60) * 1000,
    handedOver: handedOver === undefined ? undefined : seconds("handedOver", handedOver) * 1000,
    now: options.now ?? (() => new Date()),
    key: key ?? ((_, context) => clientNetwork(clientAddress(context) ?? "")),
  };
}

interface Limits {
  readonly key: string;
  readonly limit: number;
  readonly rate: number;
  readonly slots: Slots;
  readonly rules: Pick<Rules<never>, "idle" | "minimumRate">;
}

/** Whether a web response that a view made itself sends bytes of a file, as far as its status tells. */
function isTransfer({ body, status }: Response, { method }: DownloadRequest): boolean {
  return body !== null && method !== "HEAD" && (status === 200 || status === 206);
}

/** Takes a slot for a web response, and returns it when its body has ended or is given up. */
async function limitedWeb(response: Response, request: DownloadRequest, limits: Limits): Promise<Response> {
  const { key, limit, rate, slots } = limits;
  let slot: Slot;
  try {
    slot = await slots.take(key, limit, rate, await transferOf(webTransfer(response), request));
  } catch (error) {
    await response.body?.cancel().catch(() => undefined);
    throw error;
  }
  return limitResponse(response, {
    ...(rate === Infinity ? {} : { limitRate: () => slots.share(key, rate) }),
    ...slowReadersOf(limits),
    onFinish: ({ kind }) => slots.finish(slot, kind),
  });
}

/** The transfer of a web response, by its fields. */
function webTransfer({ status, headers }: Response): Transfer {
  const [, first = "0", last, whole] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec((status === 206 && headers.get("content-range")) || "") ?? [];
  const length = /^\d{1,15}$/.exec(headers.get("content-length") ?? "")?.[0];
  const size = whole ?? (status === 200 ? length : undefined);
  const etag = headers.get("etag");
  return {
    kind: "sent",
    bytes: last === undefined ? toNumber(length) : Number(last) - Number(first) + 1,
    first: Number(first),
    size: toNumber(size),
    version: etag?.startsWith('"') ? etag : undefined,
  };
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** Takes a slot before the first byte, and returns it when the response has ended. */
function limited(
  result: Exclude<DownloadResult, Response>,
  request: DownloadRequest,
  { key, limit, rate, slots, rules }: Limits,
): DownloadResult {
  const response = ownResponse(result, request);
  const { beforeSend, onFinish } = response;
  let slot: Slot | undefined;
  response.beforeSend = async (transfer) => {
    await beforeSend?.(transfer);
    slot ??= await slots.take(key, limit, rate, await transferOf(transfer, request));
  };
  response.onFinish = (outcome) => {
    if (slot) slots.finish(slot, outcome.kind);
    slot = undefined;
    return onFinish?.(outcome);
  };
  // An offloaded response has the one that is sent without a server.
  const { source = response } = response as { source?: unknown };
  if (isDownloadResponse(source)) {
    const { pace } = source;
    if (rate !== Infinity) source.pace = () => Math.min(pace?.() ?? Infinity, slots.share(key, rate));
    source.slowReaders ??= slowReadersOf({ rules }).slowReaders;
  }
  return response;
}

function slowReadersOf({ rules: { idle, minimumRate } }: Pick<Limits, "rules">): { slowReaders?: SlowReaders } {
  if (idle === undefined && minimumRate === 0) return {};
  return { slowReaders: { ...(idle === undefined ? {} : { idle }), minimumRate } };
}

interface Described extends Omit<RunningTransfer, "download"> {
  /** Whether the application sends it, and so knows its end. */
  readonly isOwn: boolean;
}

async function transferOf(
  { kind, bytes, first, size, version }: Transfer,
  { url }: DownloadRequest,
): Promise<Described> {
  const isOwn = kind === "sent";
  const digest = await crypto.subtle.digest("SHA-256", utf8(JSON.stringify([url, version])));
  const file = encodeBase64Url(new Uint8Array(digest));
  const id = crypto.randomUUID();
  // Of a file of unknown size, what does not begin at its start is a part.
  if (size === undefined || bytes === undefined) return { id, file, bytes: 1, size: first > 0 ? 2 : 1, isOwn };
  return { id, file, bytes: Math.max(1, bytes), size: Math.max(1, size), isOwn };
}

/** A transfer that runs. */
interface Slot {
  readonly key: string;
  readonly transfer: RunningTransfer;
  readonly rate: number;
}

interface Held {
  readonly key: string;
  readonly transfer: RunningTransfer;
  /** Until when it counts, of a transfer whose end is not reported. */
  readonly until?: number;
  /** Whether another server sends it, whose response is no longer ours to watch. */
  readonly isHandedOver?: boolean;
}

type SlotRules = Pick<Rules<never>, "counter" | "lease" | "now" | "retryAfter" | "handedOver">;

/** The longest time for which a transfer counts whose end is not reported, in milliseconds. */
const maxHandedOver = 3_600_000;

/** What this process sends, by id. It renews the leases of all of them, by one timer while there are any. */
class Slots {
  readonly #rules: SlotRules;
  readonly #held = new Map<string, Held>();
  /** How many transfers run under a key, as the counter last said. */
  readonly #running = new Map<string, { here: number; all: number }>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** A response that was dropped without a word of its end must not hold its slot for ever. */
  readonly #dropped =
    typeof FinalizationRegistry === "undefined"
      ? undefined
      : new FinalizationRegistry<string>((id) => {
          const held = this.#held.get(id);
          if (held && !held.isHandedOver) this.#end(id);
        });

  constructor(rules: SlotRules) {
    this.#rules = rules;
  }

  /** @throws {DownloadError} 429 if `limit` downloads run */
  async take(key: string, limit: number, rate: number, { isOwn, ...described }: Described): Promise<Slot> {
    const { counter, lease, now, retryAfter, handedOver } = this.#rules;
    const admitted = await counter.start(key, described, { limit, now: now().getTime(), lease });
    if (!admitted) {
      const headers = { "Retry-After": String(Math.ceil(retryAfter)) };
      throw new DownloadError(429, "Too many downloads at a time", { headers });
    }
    const transfer = { ...described, download: admitted.download };
    // A report of its end may never come, as if the server in front was killed: it must not hold its slot for a day.
    const until = now().getTime() + (handedOver ?? maxHandedOver);
    this.#held.set(transfer.id, { key, transfer, ...(isOwn ? {} : { until }) });
    this.#running.set(key, { here: (this.#running.get(key)?.here ?? 0) + 1, all: admitted.running });
    this.#start();
    const slot = { key, transfer, rate };
    this.#dropped?.register(slot, transfer.id);
    return slot;
  }

  finish(slot: Slot, kind: DownloadOutcome["kind"] = "completed"): void {
    const { id, bytes } = slot.transfer;
    const held = this.#held.get(id);
    if (kind !== "handedOver" || !held) return this.#end(id);
    const { handedOver, lease, now } = this.#rules;
    const atItsShare = slot.rate === Infinity ? lease : (bytes / this.share(slot.key, slot.rate)) * 1000;
    const life = handedOver ?? Math.min(atItsShare, maxHandedOver);
    this.#held.set(id, { ...held, isHandedOver: true, until: now().getTime() + life });
  }

  /** How many bytes a second one transfer of the key may have now. */
  share(key: string, rate: number): number {
    const running = this.#running.get(key);
    return rate / Math.max(1, running?.all ?? 1, running?.here ?? 1);
  }

  #end(id: string): void {
    const held = this.#held.get(id);
    if (!held) return;
    const { key } = held;
    this.#held.delete(id);
    const running = this.#running.get(key);
    if (running && running.here > 1) this.#running.set(key, { here: running.here - 1, all: running.all - 1 });
    else this.#running.delete(key);
    if (this.#held.size === 0) this.#stop();
    // Its lease runs out if this fails.
    this.#rules.counter
      .end(key, id)
      .catch((error: unknown) => debug(() => `a slot was not returned: ${String(error)}`));
  }

  #start(): void {
    this.#timer ??= setInterval(() => void this.#renew(), this.#rules.lease / 3);
    (this.#timer as { unref?(): void }).unref?.();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #renew(): Promise<void> {
    const now = this.#rules.now().getTime();
    for (const [id, { until = Infinity }] of this.#held) if (until <= now) this.#end(id);
    const byKey = new Map<string, RunningTransfer[]>();
    for (const { key, transfer } of this.#held.values()) byKey.set(key, [...(byKey.get(key) ?? []), transfer]);
    await Promise.all([...byKey].map(([key, transfers]) => this.#renewKey(key, transfers, now)));
  }

  async #renewKey(key: string, transfers: readonly RunningTransfer[], now: number): Promise<void> {
    const { counter, lease } = this.#rules;
    try {
      const all = await counter.renew(key, transfers, { now, lease });
      const running = this.#running.get(key);
      if (running) this.#running.set(key, { ...running, all });
      // What ended meanwhile has been renewed after its end.
      for (const { id } of transfers) if (!this.#held.has(id)) await counter.end(key, id);
    } catch (error) {
      debug(() => `leases of running downloads were not renewed: ${String(error)}`);
    }
  }
}

async function valueOf<C>(limit: LimitOf<C>, request: DownloadRequest, context: ViewContext<C>): Promise<number> {
  return typeof limit === "function" ? limit(request, context) : limit;
}

function checkedLimit(limit: number): number {
  if (limit === Infinity || (Number.isSafeInteger(limit) && limit >= 1)) return limit;
  throw new ImproperlyConfiguredError(`concurrent must be a whole number of downloads, 1 or more, got ${limit}`);
}

function checkedRate(option: "rate" | "minimumRate", rate: number): number {
  if (typeof rate === "number" && rate > 0) return rate;
  throw new ImproperlyConfiguredError(`${option} must be a number of bytes a second, more than 0, got ${rate}`);
}

function seconds(option: "idle" | "retryAfter" | "lease" | "handedOver", value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new ImproperlyConfiguredError(`${option} must be a number of seconds, more than 0, got ${value}`);
}
