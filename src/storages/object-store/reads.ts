import { FileChangedError, FileNotFoundError, UpstreamError } from "../../errors.ts";
import { onAbort } from "../../files/abort.ts";
import { closedEarly, releaseSource } from "../../files/byte-reader.ts";
import type { FileStat, OpenFile, OpenOptions } from "../../files/download-file.ts";
import { assertSameVersion } from "../../files/remote/answer.ts";
import {
  holds,
  OpenRemoteFile,
  type OpenEndedRange,
  type RemoteAnswer,
  type RemoteSource,
} from "../../files/remote/open-remote-file.ts";
import type { RangeSpec } from "../../http/range.ts";
import { idleLimited, withinTime, type KnownLimits } from "./limits.ts";
import { objectStoreFailure } from "./failure.ts";
import type { ObjectAnswer, ObjectRequest, ObjectStore } from "./object-store.ts";

/** All requests of one opened object. */
export class ObjectReads implements RemoteSource {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #limits: KnownLimits;
  readonly #abort = new AbortController();
  readonly #unfollow: () => void;

  constructor(store: ObjectStore, key: string, limits: KnownLimits, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#key = key;
    this.#limits = limits;
    this.#unfollow = onAbort(signal, () => this.#abort.abort(signal?.reason));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    this.#unfollow();
    if (!this.signal.aborted) this.#abort.abort(closedEarly());
  }

  /** Sends one request, also for a range. If no byte is in the range, another one learns the size. */
  async open({ range, ranges, ifNoneMatch }: OpenOptions): Promise<OpenFile> {
    const several = ranges !== undefined;
    const answer = await this.#get({ range: range ?? ranges?.[0], ifNoneMatch });
    if (answer) return new OpenRemoteFile(this, answer.stat, answer, several);
    const head = (signal: AbortSignal): Promise<FileStat> => this.#store.head(this.#key, signal);
    const stat = await this.#try(withinTime(this.#limits.timeout, this.signal, head));
    return new OpenRemoteFile(this, stat, undefined, several);
  }

  async read(range: OpenEndedRange | undefined, version: FileStat, joined: boolean): Promise<RemoteAnswer> {
    const answer = await this.#getVersion(range, version);
    try {
      if (!answer) throw new FileChangedError();
      assertSameVersion(version, answer.stat, joined);
      if (!holds(answer, range)) throw new UpstreamError();
      return answer;
    } catch (error) {
      releaseSource(answer?.body ?? "");
      throw error;
    }
  }

  async #getVersion(range: OpenEndedRange | undefined, version: FileStat): Promise<ObjectAnswer> {
    try {
      return await this.#get({ range: range && rangeSpec(range), version });
    } catch (cause) {
      throw cause instanceof FileNotFoundError ? new FileChangedError(undefined, { cause }) : cause;
    }
  }

  async #get(request: Omit<ObjectRequest, "signal">): Promise<ObjectAnswer> {
    const ask = (signal: AbortSignal): Promise<ObjectAnswer> => this.#store.get(this.#key, { ...request, signal });
    const discard = (late: ObjectAnswer): void => releaseSource(late?.body ?? "");
    const pending = withinTime(this.#limits.timeout, this.signal, ask, discard);
    const answer = await this.#try(pending.catch((error: unknown) => this.#notModified(error, request)));
    return answer?.body ? { ...answer, body: idleLimited(answer.body, this.#limits.idleTimeout) } : answer;
  }

  // A 304 to the one tag that was sent: the object has that tag.
  #notModified(error: unknown, { ifNoneMatch: etag }: Omit<ObjectRequest, "signal">): ObjectAnswer {
    if (etag === undefined || this.#store.failure(error).status !== 304) throw error;
    return { stat: { etag }, body: null, start: 0, acceptsRanges: true, notModified: true };
  }

  async #try<T>(pending: Promise<T>): Promise<T> {
    try {
      return await pending;
    } catch (error) {
      throw objectStoreFailure(this.#store, this.#key, error, this.signal);
    }
  }
}

function rangeSpec({ start, end }: OpenEndedRange): RangeSpec {
  return end === undefined ? { start } : { start, end };
}
