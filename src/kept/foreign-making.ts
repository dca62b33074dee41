import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenFile } from "../files/download-file.ts";
import { Following } from "./followers.ts";
import type { KeptFolder } from "./folder.ts";
import { ForeignReader, OpenGrowingFile, type ForeignState } from "./growing-file.ts";
import type { HashedKey } from "./key.ts";
import { liveHolder } from "./lease.ts";
import { growingStat, parsePartInfo, type PartInfo } from "./part-info.ts";
import { originalStalled } from "./unavailable.ts";

const minWait = 10;
const maxWait = 250;

/** A making of another process of this machine. It goes on while this process waits for it, or reads along. */
export class ForeignMaking {
  readonly #folder: KeptFolder;
  readonly #key: HashedKey;
  readonly #nonce: string;
  readonly #lease: number;

  /** @param lease milliseconds after which a lease that was not renewed has expired */
  constructor(folder: KeptFolder, key: HashedKey, nonce: string, lease: number) {
    this.#folder = folder;
    this.#key = key;
    this.#nonce = nonce;
    this.#lease = lease;
  }

  /**
   * Reads along, once its first byte is there. Returns undefined if it ended or gave up.
   *
   * @param idleTimeout milliseconds
   * @throws {DownloadError} 503 if it gave up and no first byte came for so long: another attempt would take as long
   */
  async read(idleTimeout: number, signal: AbortSignal | undefined): Promise<OpenFile | undefined> {
    const begin = Date.now();
    const found = await this.#follow((following) => this.#open(following), Infinity, signal);
    if (found === "gone" && Date.now() - begin >= idleTimeout) throw originalStalled();
    return typeof found === "string" ? undefined : found;
  }

  /** Waits for its end. Returns false if it is still under way at the deadline. */
  async end(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    return (await this.#follow(async () => undefined, deadline, signal)) !== "late";
  }

  /**
   * Shows the maker that it is followed, and looks again and again until `look` finds something, the making is over, or the deadline
   * is there. A client that is told to come back still counts as a follower for as long as a lease.
   */
  async #follow<T>(
    look: (following: Following) => Promise<T | undefined>,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<T | "whole" | "gone" | "late"> {
    const following = await Following.begin(this.#folder, this.#nonce, this.#lease);
    let isFound = false;
    try {
      for (let wait = minWait; ; wait = Math.min(wait * 2, maxWait)) {
        const found = await look(following);
        isFound = found !== undefined;
        if (found !== undefined) return found;
        const { kind } = await this.#state();
        if (kind !== "making") {
          await following.removeMark();
          return kind;
        }
        if (Date.now() >= deadline) return "late";
        await sleep(Math.min(wait, Math.max(1, deadline - Date.now())), undefined, signal ? { signal } : {});
      }
    } finally {
      if (!isFound) following.end();
    }
  }

  async #open(following: Following): Promise<OpenFile | undefined> {
    const info = await this.#info();
    const reader = info && (await ForeignReader.open(this.#folder.part(this.#nonce), () => this.#state()));
    return reader && new OpenGrowingFile(growingStat(info), reader, () => following.end());
  }

  async #state(): Promise<ForeignState> {
    const found = await this.#folder.read(this.#key);
    if (found?.nonce === this.#nonce) return { kind: "whole", size: found.size };
    const holder = await liveHolder(this.#folder.lock(this.#key.hash), this.#lease);
    if (holder === this.#nonce) return { kind: "making" };
    // It may have ended between the two looks.
    const again = await this.#folder.read(this.#key);
    return again?.nonce === this.#nonce ? { kind: "whole", size: again.size } : { kind: "gone" };
  }

  async #info(): Promise<PartInfo | undefined> {
    if (this.#nonce === "") return undefined;
    const text = await readFile(this.#folder.partInfo(this.#nonce), "utf8").catch(() => "");
    return text === "" ? undefined : parsePartInfo(text);
  }
}
