import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenFile } from "../files/download-file.ts";
import type { KeptFolder } from "./folder.ts";
import { ForeignReader, OpenGrowingFile, type ForeignState } from "./growing-file.ts";
import type { HashedKey } from "./key.ts";
import { liveHolder } from "./lease.ts";
import { growingStat, parsePartInfo, type PartInfo } from "./part-info.ts";

const minWait = 10;
const maxWait = 250;

/** A making of another process of this machine. */
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

  /** Reads along, once its first byte is there. Returns undefined if it ended or gave up. */
  async read(signal: AbortSignal | undefined): Promise<OpenFile | undefined> {
    const state = (): Promise<ForeignState> => this.#state();
    for (let wait = minWait; ; wait = Math.min(wait * 2, maxWait)) {
      const info = await this.#info();
      const reader = info && (await ForeignReader.open(this.#folder.part(this.#nonce), state));
      if (info && reader) return new OpenGrowingFile(growingStat(info), reader);
      if ((await state()).kind !== "making") return undefined;
      await sleep(wait, undefined, signal ? { signal } : {});
    }
  }

  /** Waits for its end. Returns false if it is still under way at the deadline. */
  async end(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    for (let wait = minWait; ; wait = Math.min(wait * 2, maxWait)) {
      if ((await this.#state()).kind !== "making") return true;
      if (Date.now() >= deadline) return false;
      await sleep(Math.min(wait, Math.max(1, deadline - Date.now())), undefined, signal ? { signal } : {});
    }
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
