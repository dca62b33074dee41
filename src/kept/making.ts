import { FileChangedError } from "../errors.ts";
import { onAbort } from "../files/abort.ts";
import { closedEarly } from "../files/byte-reader.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { CheckedBytes } from "./checked-bytes.ts";
import { commit, writeRecord, type CommitTask, type MadeBytes, type MadeTimes } from "./commit.ts";
import type { FleetFile } from "./fleet.ts";
import { remove } from "./folder.ts";
import { OpenGrowingFile } from "./growing-file.ts";
import { OpenSharedFile } from "./open-shared-file.ts";
import { OriginalReads } from "./original-reads.ts";
import { PartFile } from "./part-file.ts";
import { growingStat, partInfo, type PartInfo } from "./part-info.ts";
import { createPart, writeChunk, type MakingHost } from "./making-host.ts";
import { Publication } from "./publication.ts";
import type { KeptRecord, UpstreamLifetime } from "./record.ts";
import { originalStalled } from "./unavailable.ts";
import { knownVersion, lifetimeOf, renewedLifetime } from "./upstream-lifetime.ts";

/** What a making has come to once its first byte is there. */
export type Started =
  /** The bytes come, and can be read from the part. */
  | { readonly kind: "growing"; readonly info: PartInfo; readonly part: PartFile }
  /** The upstream said that the kept file still holds. */
  | { readonly kind: "kept"; readonly record: KeptRecord }
  /** The original must not be kept, or cannot be: each client gets its own. */
  | { readonly kind: "refused"; readonly reason: RefusalReason };

export type RefusalReason = "upstream" | "disk";

/** What a making has come to in the end. */
export type Made =
  | { readonly kind: "kept"; readonly record: KeptRecord; readonly isRevalidated?: boolean }
  /** The clients got all bytes, and nothing is kept. */
  | { readonly kind: "notKept" }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

export interface MakingTask extends CommitTask {
  readonly source: DownloadFile;
  /** {@link source}, if machines share what they make. */
  readonly fleet?: FleetFile | undefined;
  /** Goes on when no client waits for it any more. */
  readonly finishAnyway: boolean;
  /** For how many milliseconds the source may send nothing. */
  readonly idleTimeout: number;
}

/** For how many milliseconds an original that has sent all its bytes may take to end, when no client waits any more. */
const endPatience = 10_000;

/** One making of one file: reads the original once, writes it to the disk, and has any number of clients read along. */
export class Making {
  /** Fulfilled with the first byte. Rejects with what the original failed with before it. */
  readonly started: Promise<Started>;
  /** Rejects with what the original failed with. */
  readonly made: Promise<Made>;
  /**
   * What it comes to, as soon as that is known: if the disk takes no more, it is known before the last reader has all bytes. Rejects
   * as {@link made} does.
   */
  readonly outcome: Promise<Made>;
  readonly #host: MakingHost;
  readonly #task: MakingTask;
  readonly #abort = new AbortController();
  readonly #onAbandoned: () => void;
  #resolveStarted!: (started: Started) => void;
  #rejectStarted!: (error: unknown) => void;
  #resolveOutcome!: (outcome: Made | Promise<Made>) => void;
  /** The one that it was started for. */
  #users = 1;
  #finishAnyway: boolean;
  #isAbandoned = false;
  readonly #reads: OriginalReads;
  readonly #publication: Publication;
  #refused: OpenFile | undefined;
  /** What another machine has made, if that is fetched. */
  #shared: OpenSharedFile | undefined;
  #part: PartFile | undefined;
  #isStarted = false;
  /** Whether other processes are being looked for that follow it. */
  #isLooking = false;
  #isOver = false;
  /** How many bytes the original says that it has. */
  #size: number | undefined;
  #giveUp: ReturnType<typeof setTimeout> | undefined;
  /** Whether the client has the original itself, or what is kept: this making only has to tidy up. */
  #isHandedOver = false;

  /** @param onAbandoned called when no client waits any more, before the original is let go */
  constructor(host: MakingHost, task: MakingTask, onAbandoned: () => void) {
    this.#host = host;
    this.#task = task;
    this.#finishAnyway = task.finishAnyway;
    this.#onAbandoned = onAbandoned;
    this.#reads = new OriginalReads(task.idleTimeout, this.#abort.signal, () => this.#abort.abort(originalStalled()));
    this.#publication = new Publication(host.folder, task.lease.nonce, host.lease);
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve;
      this.#rejectStarted = reject;
    });
    this.started.catch(() => undefined);
    this.outcome = new Promise((resolve) => (this.#resolveOutcome = resolve));
    this.outcome.catch(() => undefined);
    this.made = this.#run();
    this.made.catch(() => undefined);
    this.made.then(this.#resolveOutcome, () => this.#resolveOutcome(this.made));
  }

  /** Whether it has ended because no client waits for it any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Counts one more that waits or reads, until the function that is returned is called. */
  attach(): () => void {
    this.#users += 1;
    return this.attached();
  }

  /** How the one that the making was started for leaves. */
  attached(): () => void {
    let isAttached = true;
    return () => {
      if (!isAttached) return;
      isAttached = false;
      this.#users -= 1;
      if (this.#users === 0) this.#left();
    };
  }

  /** From now on it goes on if no client waits, too. */
  finishAnyway(): void {
    this.#finishAnyway = true;
  }

  /** The last client of this process has left. */
  #left(): void {
    void this.#refused?.close();
    this.#refused = undefined;
    if (this.#isOver) this.#part?.release();
    if (this.#isWanted) return;
    // A client that knows the length leaves with the last byte, before the original has ended.
    if (this.#hasAllBytes) this.#endLater(endPatience);
    else void this.#endUnlessFollowed();
  }

  get #isWanted(): boolean {
    // What was opened is the client's by now. What goes through memory cannot go on without a reader.
    const goesOn = this.#isHandedOver || (this.#finishAnyway && !this.#part?.isFull);
    return this.#users > 0 || this.#isOver || goesOn;
  }

  #endLater(milliseconds: number): void {
    clearTimeout(this.#giveUp);
    this.#giveUp = setTimeout(() => void this.#endUnlessFollowed(), milliseconds).unref();
  }

  /** Ends it, unless other processes wait for it. While they do, it looks again and again. */
  async #endUnlessFollowed(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const isFollowed = !this.#part?.isFull && (await this.#publication.isFollowed());
    this.#isLooking = false;
    if (!this.#isWanted && !isFollowed) return this.#letGo();
    this.#publication.reveal();
    if (!this.#isWanted) this.#endLater(this.#host.lease / 3);
  }

  get #hasAllBytes(): boolean {
    const part = this.#part;
    return part !== undefined && !part.isFull && this.#size !== undefined && part.size >= this.#size;
  }

  #letGo(): void {
    this.#isAbandoned = true;
    this.#onAbandoned();
    this.#abort.abort(closedEarly());
    this.#part?.left();
  }

  /** The original, opened and not read, for the one client that it was opened for. */
  takeRefused(): OpenFile | undefined {
    const refused = this.#refused;
    this.#refused = undefined;
    return refused;
  }

  /** The bytes of the original for the client that it was opened for, though they are not kept. Undefined if they are gone. */
  async takeUnkept(leave: () => void): Promise<OpenFile | undefined> {
    const refused = this.takeRefused();
    if (refused) return refused;
    const started = await this.started;
    const isReadable = started.kind === "growing" && started.part.isJoinable;
    return isReadable ? new OpenGrowingFile(growingStat(started.info), started.part.join(leave)) : undefined;
  }

  async #run(): Promise<Made> {
    try {
      const made = await this.#make();
      await this.#share(made);
      return made;
    } catch (cause) {
      const error = this.#shared && !this.isAbandoned ? this.#shared.failed(cause) : cause;
      this.#rejectStarted(error);
      this.#part?.finish({ kind: "failed", error });
      throw error;
    } finally {
      this.#isOver = true;
      clearTimeout(this.#giveUp);
      this.#reads.end();
      // A client that waits for its turn still reads from the part: it does not wait for the disk.
      if (this.#users === 0) this.#part?.release();
      await this.#publication.end();
      await this.#part?.isOpen();
      await remove(this.#host.folder.part(this.#task.lease.nonce)).catch(() => undefined);
      await this.#task.fleet?.end();
      await this.#task.lease.release();
    }
  }

  /** Saves what was made for other machines. No client waits for it. */
  async #share(made: Made): Promise<void> {
    const { fleet, lease } = this.#task;
    if (!fleet || made.kind !== "kept" || this.#shared) return;
    this.#isHandedOver = true;
    this.#resolveOutcome(made);
    await fleet.share(made.record, this.#host.folder.file(made.record.file), () => lease.isHeld());
  }

  async #make(): Promise<Made> {
    const { source, previous } = this.#task;
    const { signal } = this.#abort;
    const asked = source.name;
    const known = previous && (await this.#host.folder.hasBytes(previous)) ? knownVersion(previous.upstream) : {};
    const opened = await this.#reads.open(source, known);
    let isOurs = true;
    this.#shared = opened instanceof OpenSharedFile ? opened : undefined;
    // A file that takes no notice of a signal ends when it is closed.
    const stop = onAbort(signal, () => void opened.close().catch(() => undefined));
    try {
      if (opened.notModified) return await this.#renew(previous, opened);
      const upstream = lifetimeOf(opened);
      const refusal = upstream === "refused" ? "upstream" : await this.#openPart(opened.stat);
      // It is not checked until all of it is here: without room for it each client gets the original.
      if (this.#shared && refusal !== undefined) throw new Error("There is no room to fetch it");
      if (refusal !== undefined || upstream === "refused") {
        // If no client waits any more, it is closed here.
        isOurs = this.#users === 0;
        return this.#refuse(opened, refusal ?? "upstream");
      }
      return await this.#write(opened, upstream, asked);
    } finally {
      stop();
      if (isOurs) await this.#reads.close(opened);
    }
  }

  /** Each client gets its own: the one that the making was started for gets what was opened. */
  #refuse(opened: OpenFile, reason: RefusalReason): Made {
    if (this.#users > 0) this.#refused = opened;
    this.#isHandedOver = true;
    this.#resolveStarted({ kind: "refused", reason });
    return { kind: "refused", reason };
  }

  /** The upstream answered 304: the bytes that are kept hold for as long as it says now. */
  async #renew(previous: KeptRecord | undefined, opened: OpenFile): Promise<Made> {
    const upstream = lifetimeOf(opened);
    if (!previous || upstream === "refused") throw new FileChangedError();
    const { nonce } = this.#task.lease;
    const lifetime = upstream && previous.upstream && renewedLifetime(previous.upstream, upstream);
    const record: KeptRecord = { ...previous, nonce, validatedAt: Date.now(), upstream: lifetime };
    const isKept = await writeRecord(this.#host.folder, this.#task, record).catch((error: unknown) => {
      this.#host.onDiskError(error);
      return true;
    });
    // What the upstream said holds for the clients that wait, whether it could be written down or not.
    this.#isHandedOver = true;
    this.#resolveStarted({ kind: "kept", record });
    return isKept ? { kind: "kept", record, isRevalidated: true } : { kind: "notKept" };
  }

  /**
   * Opens the file that is written. Returns why there can be none. A file of unknown length does not wait for the disk: its first bytes
   * are the client's before, and if the disk takes none it loses nothing, as it has no ranges.
   */
  async #openPart({ size }: FileStat): Promise<"disk" | undefined> {
    if (size !== undefined && size > this.#host.maxBytes) return "disk";
    const part = new PartFile(createPart(this.#host, this.#task.lease.nonce, size ?? 0));
    if (size === undefined || (await part.isOpen())) this.#part = part;
    return this.#part ? undefined : "disk";
  }

  async #write(opened: OpenFile, upstream: UpstreamLifetime | undefined, askedName: string): Promise<Made> {
    const part = this.#part!;
    this.#size = opened.stat.size;
    const { signal } = this.#abort;
    const checked = new CheckedBytes(opened.stat);
    let isKeeping = true;
    for await (const chunk of checked.pass(this.#reads.chunks(opened))) {
      signal.throwIfAborted();
      part.add(chunk);
      if (!this.#isStarted) this.#start(part, opened.stat);
      isKeeping &&= await writeChunk(this.#host, part, chunk);
      if (!isKeeping && !part.isFull) await this.#stopKeeping(part);
      if (!isKeeping) await part.pass(chunk, signal);
    }
    signal.throwIfAborted();
    if (!this.#isStarted) this.#start(part, opened.stat);
    part.finish({ kind: "whole" });
    if (!isKeeping || !(await part.isOpen())) return { kind: "notKept" };
    const { checksums } = checked;
    if (this.#shared) return this.#commit(part, { ...this.#shared.record, ...checksums }, this.#shared.record);
    const { contentType, contentEncoding, lastModified = new Date() } = opened.stat;
    const described = { askedName, name: this.#task.source.name, contentType, contentEncoding, upstream };
    return this.#commit(part, { ...checksums, ...described, lastModified: lastModified.getTime() });
  }

  /** The first byte is there, or the end: from now on others read along. */
  #start(part: PartFile, stat: FileStat): void {
    this.#isStarted = true;
    const info = partInfo(this.#shared?.record.name ?? this.#task.source.name, stat);
    this.#publication.publish(info);
    this.#resolveStarted({ kind: "growing", info, part });
  }

  /** The rest goes through memory. Those that wait for a kept file need not wait for the last reader. */
  async #stopKeeping(part: PartFile): Promise<void> {
    part.fill();
    this.#resolveOutcome({ kind: "refused", reason: "disk" });
    if (this.#users === 0) throw closedEarly();
    const { folder } = this.#host;
    const { lease } = this.#task;
    // The room is given back now: the descriptor keeps what readers still need.
    await remove(folder.part(lease.nonce)).catch(() => undefined);
    // Other processes cannot read along: each makes its own.
    await lease.release();
  }

  async #commit(part: PartFile, made: MadeBytes, times?: MadeTimes): Promise<Made> {
    try {
      const record = await commit(this.#host.folder, this.#task, part, made, times);
      return record ? { kind: "kept", record } : { kind: "notKept" };
    } catch (error) {
      this.#host.onDiskError(error);
      return { kind: "notKept" };
    }
  }
}
