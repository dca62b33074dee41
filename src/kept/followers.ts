import { stat, utimes } from "node:fs/promises";
import { remove, type KeptFolder } from "./folder.ts";

/**
 * Tells the process that makes a file that this one waits for it, or reads along: renews the time of a file beside the part. All
 * followers of a making share that file. Once the last one is gone, its time gets old.
 */
export class Following {
  readonly #path: string;
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(path: string, life: number) {
    this.#path = path;
    this.#timer = setInterval(() => void renew(path), life / 3);
    this.#timer.unref();
  }

  /**
   * The file is there when this returns, unless the disk fails.
   * @param life milliseconds after which a follower that was not renewed is gone
   */
  static async begin(folder: KeptFolder, nonce: string, life: number): Promise<Following> {
    const path = folder.followed(nonce);
    // A maker that has not written its nonce down yet is found again once it has.
    if (nonce !== "") await folder.touch(path).catch(() => undefined);
    return new Following(path, life);
  }

  /** Idempotent. */
  end(): void {
    clearInterval(this.#timer);
  }

  /** Removes the file of a making that is over: its maker may have tidied up before this follower came. */
  async removeMark(): Promise<void> {
    await remove(this.#path).catch(() => undefined);
  }
}

/** Whether another process follows a making. */
export async function isFollowed(folder: KeptFolder, nonce: string, life: number): Promise<boolean> {
  const times = await stat(folder.followed(nonce)).catch(() => undefined);
  return times !== undefined && Date.now() - times.mtimeMs < life;
}

// It does not make the file again: the maker may have removed it.
async function renew(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
