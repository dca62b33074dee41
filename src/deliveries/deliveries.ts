import { debug, isDebugging, reasonOf } from "../diagnostics.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../responses/handler.ts";
import { ownResponse } from "../responses/own-response.ts";
import { outcomeAbout, type Transfer } from "../responses/transfer.ts";
import { clientAddress } from "../signing/client-address.ts";
import { encodeBase64Url, utf8 } from "../signing/hmac-key.ts";
import { DeliveryIds } from "./delivery-id.ts";
import type { DeliveryLog, DeliveryReport } from "./delivery-log.ts";
import { outcomeOf, partOf, type Ended } from "./ended.ts";
import { coversAll, ReceivedParts } from "./received-parts.ts";

/** A file that a client has got whole, by one response or by several ranges. */
export interface DeliveredFile {
  readonly file: DownloadFile | undefined;
  /** What {@link DeliveriesOptions.client} returned. */
  readonly client: string | undefined;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes that were sent for it: more than its size where ranges overlap. */
  readonly bytesSent: number;
  readonly startedAt: Date;
  readonly endedAt: Date;
}

export interface DeliveriesOptions<C = unknown> {
  /** The log of the server that sends the files: `nginxLog(path)`, `apacheLog(path)` or `caddyLog(path)`. */
  readonly from: DeliveryLog;
  /**
   * Signs the ids that the server writes to its log: at least 32 characters. Processes that share a log and a secret tell each
   * other's lines from forged ones. Default: random, of this process.
   */
  readonly secret?: string;
  /** Seconds after which a download that the log does not mention ends as `handedOver`. Default 86,400. */
  readonly atLatest?: number;
  /**
   * Identifies the client, to join the ranges of one download. Default: the client's address with the `User-Agent`. Undefined:
   * ranges are not joined.
   */
  readonly client?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /** Called once for each file that a client received whole, from this or any other server. */
  readonly onDownload?: (download: DeliveredFile) => unknown;
  /** Milliseconds between two looks at the log, while a download is open. Default 250. */
  readonly interval?: number;
  /** The clock. */
  readonly now?: () => Date;
}

/** Downloads that another server sends, followed to their end. */
export interface Deliveries<C = unknown> extends AsyncDisposable {
  /**
   * Wraps a handler so that `onFinish` of a download that is handed over is told when the server is done, with its bytes, in
   * place of `handedOver`. Put it around all other wrappers and middleware.
   */
  follow(handler: DownloadHandler<C>): DownloadHandler<C>;
  /** Stops to read the log. What is still open ends as `handedOver`. */
  close(): Promise<void>;
}

/**
 * Learns from the log of the server in front how downloads end that it sends.
 *
 * Each download that is handed over gets an id in `X-Download-Id`, which is signed and can't be guessed. The server writes it to
 * its log with the bytes that it sent. A line without the id of an open download changes nothing. The log is read only while
 * a download is open.
 *
 * @throws {ImproperlyConfiguredError} if an option is invalid
 *
 * @example
 * ```ts
 * import { appendFile, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
 * import { deliveries, nginxLog } from "downloadview/deliveries";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { nginx } from "downloadview/nginx";
 *
 * const root = await mkdtemp(join(tmpdir(), "media-")); // such as /srv/media
 * await writeFile(join(root, "plan.pdf"), "%PDF-1.7");
 * const log = join(root, "downloads.json"); // such as /var/log/nginx/downloads.json
 * await writeFile(log, "");
 *
 * const rules = [{ sourceDir: root, destinationUrl: "/_downloads/" }];
 * const offload = smartDownloadMiddleware({ backend: nginx({ log }), rules });
 * const sent = deliveries({ from: nginxLog(log) });
 * let end: string | undefined;
 * const view = PathDownloadView.asView({
 *   root,
 *   onFinish: ({ kind, bytesSent }) => void (end = `${kind} ${bytesSent}`),
 * });
 * const handler = toFetchHandler(sent.follow(withMiddleware(view, offload)));
 *
 * const response = await handler(new Request("http://localhost/"), { params: { path: "plan.pdf" } });
 * console.assert(response.headers.get("X-Accel-Redirect") === "/_downloads/plan.pdf");
 *
 * // When nginx has sent the file, it writes this line.
 * const id = response.headers.get("X-Download-Id");
 * await appendFile(log, `${JSON.stringify({ id, status: "200", bytes: "8", range: "", end: "OK" })}\n`);
 * while (end === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
 * console.assert(end === "completed 8");
 * await sent.close();
 * ```
 */
export function deliveries<C = unknown>(options: DeliveriesOptions<C>): Deliveries<C> {
  return new FollowedDeliveries(options);
}

/** A download that another server sends. */
interface Open {
  readonly transfer: Transfer;
  readonly request: DownloadRequest;
  readonly until: number;
  readonly finish: (outcome: Ended) => void;
}

const maxRemembered = 100_000;

class FollowedDeliveries<C> implements Deliveries<C> {
  readonly #log: DeliveryLog;
  readonly #ids: DeliveryIds;
  readonly #atLatest: number;
  readonly #client: NonNullable<DeliveriesOptions<C>["client"]>;
  readonly #onDownload: DeliveriesOptions<C>["onDownload"];
  readonly #interval: number;
  readonly #now: () => Date;
  readonly #open = new Map<string, Open>();
  /** The ids of responses that are not sent yet, with what the log says of them already: a fast server is done first. */
  readonly #issued = new Map<string, DeliveryReport | undefined>();
  readonly #received: ReceivedParts;
  #opening: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: DeliveriesOptions<C>) {
    const { from, secret, atLatest = 86_400, client = addressAndAgent, onDownload, interval = 250 } = options ?? {};
    if (typeof from?.read !== "function") {
      throw new ImproperlyConfiguredError(
        'deliveries({ from }) needs the log of a server, such as nginxLog("/var/log/nginx/downloads.json")',
      );
    }
    if (secret !== undefined && !(typeof secret === "string" && secret.length >= 32)) {
      throw new ImproperlyConfiguredError("deliveries({ secret }): a secret must have at least 32 characters");
    }
    if (!(Number.isFinite(atLatest) && atLatest > 0)) {
      throw new ImproperlyConfiguredError(`atLatest must be a number of seconds, more than 0, got ${atLatest}`);
    }
    if (!(Number.isFinite(interval) && interval > 0)) {
      throw new ImproperlyConfiguredError(`interval must be a number of milliseconds, more than 0, got ${interval}`);
    }
    this.#log = from;
    this.#ids = new DeliveryIds(secret);
    this.#atLatest = atLatest * 1000;
    this.#received = new ReceivedParts(this.#atLatest);
    this.#client = client;
    this.#onDownload = onDownload;
    this.#interval = interval;
    this.#now = options.now ?? (() => new Date());
  }

  follow(handler: DownloadHandler<C>): DownloadHandler<C> {
    return async (request, context) => {
      const result = await handler(request, context);
      return "kind" in result ? this.#followed(result, request, this.#client(request, context)) : result;
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const id of this.#open.keys()) this.#end(id, handedOver);
    await this.#opening?.catch(() => undefined);
    await this.#log.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #followed(
    result: Exclude<DownloadResult, Response>,
    request: DownloadRequest,
    client: string | undefined,
  ): DownloadResult {
    const response = ownResponse(result, request);
    const { onFinish, beforeSend, file } = response;
    const startedAt = this.#now().getTime();
    let sent: Transfer | undefined;
    let key: string | undefined;
    let id: string | undefined;
    const finish = ({ part, size, ...outcome }: Ended): void => {
      outcomeAbout(outcome, sent);
      if (part === undefined || size === undefined) return void call(onFinish, outcome);
      const now = this.#now().getTime();
      const received = this.#received.add(key, part, size, { bytesSent: outcome.bytesSent, startedAt }, now);
      const hasWhole = coversAll(received.parts, size);
      if (hasWhole) {
        const times = { startedAt: new Date(received.startedAt), endedAt: new Date(now) };
        void call(this.#onDownload, { file, client, size, bytesSent: received.bytesSent, ...times });
      }
      void call(onFinish, outcomeAbout({ ...outcome, hasWhole }, sent));
    };
    response.beforeSend = async (transfer) => {
      await beforeSend?.(transfer);
      key = await keyOf(file, request, client, transfer);
      sent = transfer;
    };
    response.onFinish = (outcome) => {
      const report = id === undefined ? undefined : this.#issued.get(id);
      if (id !== undefined) this.#issued.delete(id);
      const isHandedOver = outcome.kind === "handedOver" && id !== undefined && sent !== undefined;
      if (isHandedOver && report) finish(outcomeOf(report, sent!, request));
      else if (isHandedOver) this.#wait(id!, sent!, request, finish);
      else finish({ ...outcome, ...(sent && partOf(outcome, sent, request)) });
    };
    const { source = response } = response as { source?: unknown };
    if (isDownloadResponse(source)) source.deliveryId = async () => (id = await this.#nextId());
    return response;
  }

  async #nextId(): Promise<string | undefined> {
    if (this.#isClosed) return undefined;
    try {
      // What is in the log by now can't be about this download.
      if (this.#open.size === 0 && this.#issued.size === 0) this.#opening ??= this.#log.open();
      await this.#opening;
      const id = await this.#ids.next();
      if (this.#issued.size >= maxRemembered) this.#issued.delete([...this.#issued.keys()][0]!);
      this.#issued.set(id, undefined);
      return id;
    } catch (error) {
      this.#opening = undefined;
      console.error("downloadview: the log of downloads can't be read:", error);
      return undefined;
    }
  }

  #wait(id: string, transfer: Transfer, request: DownloadRequest, finish: (outcome: Ended) => void): void {
    if (this.#isClosed) return finish(handedOver);
    if (this.#open.size >= maxRemembered) this.#end([...this.#open.keys()][0]!, handedOver);
    this.#open.set(id, { transfer, request, until: this.#now().getTime() + this.#atLatest, finish });
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#look(), this.#interval);
    (this.#timer as { unref?(): void }).unref?.();
  }

  async #look(): Promise<void> {
    try {
      for (const line of await this.#log.read()) this.#take(line);
    } catch (error) {
      debug(() => `the log of downloads can't be read: ${reasonOf(error)}`);
    }
    const now = this.#now().getTime();
    for (const [id, { until }] of this.#open) if (until <= now) this.#end(id, handedOver);
    this.#timer = undefined;
    if (this.#isClosed) return;
    if (this.#open.size > 0) this.#schedule();
    else if (this.#issued.size === 0) this.#opening = undefined;
  }

  #take(line: string): void {
    const report = this.#log.parse(line);
    if (report === undefined) return debug(() => "a line of the log of downloads is cut, or of another log");
    const open = this.#open.get(report.id);
    if (open) this.#end(report.id, outcomeOf(report, open.transfer, open.request));
    else if (this.#issued.has(report.id)) this.#issued.set(report.id, report);
    else if (isDebugging) void this.#explain(report.id);
  }

  async #explain(id: string): Promise<void> {
    const isOurs = await this.#ids.isOurs(id);
    debug(() =>
      isOurs
        ? "a line of the log of downloads is of another process, or was read before"
        : "a line of the log of downloads has a forged id",
    );
  }

  #end(id: string, outcome: Ended): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.finish(outcome);
  }
}

const handedOver: DownloadOutcome = { kind: "handedOver", status: 200, bytesSent: 0, completed: false };

function addressAndAgent(request: DownloadRequest, context: ViewContext): string | undefined {
  const address = clientAddress(context);
  return address && `${address} ${request.headers.get("user-agent") ?? ""}`;
}

/** Ranges of one version, of one client, under one URL are of one download. A hash: clients send URLs of any length. */
async function keyOf(
  file: DownloadFile | undefined,
  { url }: DownloadRequest,
  client: string | undefined,
  { version, size }: Transfer,
): Promise<string | undefined> {
  if (client === undefined || version === undefined) return undefined;
  const identity = utf8(JSON.stringify([client, url, file?.name, version, size]));
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", identity)));
}

async function call<T>(listener: ((value: T) => unknown) | undefined, value: T): Promise<void> {
  try {
    await listener?.(value);
  } catch (error) {
    console.error("downloadview: a listener of a download failed:", error);
  }
}
