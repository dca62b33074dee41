import { isFollowed } from "./followers.ts";
import { remove, type KeptFolder } from "./folder.ts";
import type { PartInfo } from "./part-info.ts";

/** What other processes of this machine see of a making, and whether they follow it. */
export class Publication {
  readonly #folder: KeptFolder;
  readonly #nonce: string;
  readonly #life: number;
  #info: PartInfo | undefined;
  #isHidden = false;
  #isEnded = false;
  /** The last write, or the last removal. They come one after the other. */
  #latest: Promise<void> = Promise.resolve();

  /** @param life milliseconds after which a follower that shows no sign of life is gone */
  constructor(folder: KeptFolder, nonce: string, life: number) {
    this.#folder = folder;
    this.#nonce = nonce;
    this.#life = life;
  }

  /** Lets other processes read along. If that fails, they wait until the file is whole. */
  publish(info: PartInfo): void {
    this.#info = info;
    if (!this.#isHidden) this.#write();
  }

  /**
   * Whether another process follows. From now on no other one begins to read, until {@link reveal} is called: a follower first shows
   * itself, and then looks for what is published, so that either this sees it, or it finds nothing.
   */
  async isFollowed(): Promise<boolean> {
    this.#isHidden = true;
    this.#then(() => remove(this.#folder.partInfo(this.#nonce)));
    await this.#latest;
    return isFollowed(this.#folder, this.#nonce, this.#life);
  }

  /** Publishes again what {@link isFollowed} has hidden. */
  reveal(): void {
    if (!this.#isHidden) return;
    this.#isHidden = false;
    if (this.#info) this.#write();
  }

  #write(): void {
    const text = JSON.stringify(this.#info);
    this.#then(() => this.#folder.writeWhole(this.#folder.partInfo(this.#nonce), text, { sync: false }));
  }

  #then(step: () => Promise<void>): void {
    if (this.#isEnded) return;
    this.#latest = this.#latest.then(step).catch(() => undefined);
  }

  /** Removes everything. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#latest;
    const paths = [this.#folder.partInfo(this.#nonce), this.#folder.followed(this.#nonce)];
    await Promise.all(paths.map((path) => remove(path).catch(() => undefined)));
  }
}
