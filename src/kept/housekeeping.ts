import { debug, reasonOf, warnOnce } from "../diagnostics.ts";
import type { KeptFolder } from "./folder.ts";
import { sweepFolder, type SweepLimits, type SweepResult } from "./sweep.ts";

/** Milliseconds that the bytes of a dropped file stay. */
export const graveLife = 60_000;

/** Keeps a folder within its limits. Its only timer is that of the next sweep, which does not keep the process alive. */
export class Housekeeping {
  readonly #folder: KeptFolder;
  readonly #limits: SweepLimits;
  readonly #onEvicted: (files: number) => void;
  #bytes: number | undefined;
  #sweeping: Promise<SweepResult> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** @param onEvicted told how many files a sweep dropped, if it dropped some */
  constructor(folder: KeptFolder, limits: SweepLimits, onEvicted: (files: number) => void) {
    this.#folder = folder;
    this.#limits = limits;
    this.#onEvicted = onEvicted;
  }

  /** Bytes that are kept, as the last sweep found and this process has added since. */
  get bytes(): number {
    return this.#bytes ?? 0;
  }

  /** Makes room for a file of so many bytes. Returns false if the folder is full. */
  async makeRoom(bytes: number): Promise<boolean> {
    const { maxBytes, minFreeBytes } = this.#limits;
    if (bytes > maxBytes) return false;
    const isRoom = this.#bytes !== undefined && this.#bytes + bytes <= maxBytes;
    if (isRoom && (await this.#folder.freeBytes()) >= minFreeBytes + bytes) return true;
    await this.sweep(bytes);
    return (await this.#folder.freeBytes()) >= minFreeBytes + bytes;
  }

  /** A file was kept. */
  added(bytes: number): void {
    this.#bytes = (this.#bytes ?? 0) + bytes;
    if (this.#bytes > this.#limits.maxBytes) void this.sweep(0).catch((error: unknown) => this.onDiskError(error));
    // A file that replaced another one has put it into a grave.
    else this.sweepLater();
  }

  /** All files were dropped. */
  cleared(): void {
    this.#bytes = 0;
    this.sweepLater();
  }

  /** @param incoming bytes that are about to be written */
  sweep(incoming: number): Promise<SweepResult> {
    return (this.#sweeping ??= this.#sweep(incoming).finally(() => (this.#sweeping = undefined)));
  }

  async #sweep(incoming: number): Promise<SweepResult> {
    const result = await sweepFolder(this.#folder, this.#limits, incoming);
    this.#bytes = result.bytes;
    if (result.evicted === 0) return result;
    this.#onEvicted(result.evicted);
    this.sweepLater();
    return result;
  }

  /** Sweeps when the minute of the last grave is over. */
  sweepLater(): void {
    if (this.#isClosed || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.sweep(0).catch((error: unknown) => this.onDiskError(error));
    }, graveLife + 1000);
    this.#timer.unref();
  }

  onDiskError(error: unknown): void {
    warnOnce(
      "DOWNLOADVIEW_KEPT_DISK",
      `Files cannot be kept in ${this.#folder.path} (${(error as NodeJS.ErrnoException).code ?? reasonOf(error)}). They ` +
        "are served without being kept. Make room, or give the process the right to write there",
    );
    debug(() => `A file is served without being kept: ${reasonOf(error)}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#sweeping?.catch(() => undefined);
  }
}
