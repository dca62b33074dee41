import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import { DescribedFile } from "../files/described-file.ts";
import { refuseJSON } from "../serialization.ts";
import type { KeptFile } from "./kept-file.ts";
import type { KeptStore } from "./kept-store.ts";
import { obtainWhole } from "./obtain-whole.ts";
import { openForClient } from "./open-for-client.ts";
import { stillMaking } from "./unavailable.ts";
import type { Visit } from "./visit.ts";

/** How one file is kept for one request. */
export interface KeepingTask {
  readonly store: KeptStore;
  readonly visit: Visit;
}

/**
 * The file of one request: the kept one where it is there already, else one that is made when it is opened. It has a path only if
 * the bytes are there.
 */
export class KeepingFile implements DownloadFile {
  declare readonly path?: string;
  declare readonly wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  readonly #task: KeepingTask;
  #file: KeptFile | undefined;
  /** Whether the store has, or had, the original: a making may be about to read it for others. */
  #isLent = false;

  static {
    // It comes and goes with the bytes.
    const get = function (this: KeepingFile): string | undefined {
      return this.#file?.path;
    };
    Object.defineProperty(this.prototype, "path", { get, enumerable: true });
  }

  constructor(task: KeepingTask, file: KeptFile | undefined) {
    this.#task = task;
    this.#file = file;
    const { original } = task.visit;
    if (original.wasModifiedSince) this.wasModifiedSince = (since) => original.wasModifiedSince!(since);
  }

  get name(): string {
    return this.#file?.name ?? this.#task.visit.original.name;
  }

  /** The kept file. Undefined if it is still to be made. */
  get kept(): KeptFile | undefined {
    return this.#file;
  }

  /** The file as the view returned it. */
  get original(): DownloadFile {
    return this.#task.visit.original;
  }

  /** @throws {DownloadError} 503 with Retry-After, if the file is still being made after `patience` */
  async stat(options: StatOptions = {}): Promise<FileStat> {
    const path = this.#file?.path;
    const stat = await this.#whileThere((file) => file.stat(options));
    if (stat) return stat;
    const { store, visit } = this.#task;
    this.#isLent = true;
    const found = await obtainWhole(store, { ...visit, signal: options.signal, isTaken: false }, visit.patience);
    this.#isLent = found.kind !== "original";
    if (found.kind === "original") return visit.original.stat(options);
    if (found.kind === "late") throw stillMaking();
    this.#file = found.file;
    const made = await found.file.stat(options);
    // An offload rule has looked at the path that this file had before.
    return found.file.path === path ? made : { ...made, path: found.file.path };
  }

  async open(options: OpenOptions = {}): Promise<OpenFile> {
    const opened = await this.#whileThere((file) => file.open(options));
    if (opened) return opened;
    const { store, visit } = this.#task;
    this.#isLent = true;
    const again = { ...visit, signal: options.signal, isTaken: false };
    // What another middleware opens later may find it kept by then.
    visit.wasLookedFor = false;
    return openForClient(store, again, options);
  }

  async release(): Promise<void> {
    if (!this.#isLent) await this.#task.visit.original.release?.();
  }

  /** What `read` finds in the kept file. Undefined if there is none, or its bytes are gone. */
  async #whileThere<T>(read: (file: KeptFile) => Promise<T>): Promise<T | undefined> {
    const file = this.#file;
    if (!file) return undefined;
    try {
      return await read(file);
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
      this.#file = undefined;
      await this.#task.store.drop(this.#task.visit.key.hash);
      return undefined;
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** An original that is open already, for one request, and perhaps cannot be opened again. */
export class OpenedOriginal extends DescribedFile {
  #opened: OpenFile | undefined;

  constructor(original: DownloadFile, opened: OpenFile) {
    super(original, {});
    this.#opened = opened;
  }

  override async open(options?: OpenOptions): Promise<OpenFile> {
    const opened = this.#opened;
    this.#opened = undefined;
    return opened ?? super.open(options);
  }

  override async release(): Promise<void> {
    await this.#opened?.close();
    await super.release();
  }
}
