import { readFile, rename, stat, utimes, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { debug, reasonOf } from "../diagnostics.ts";
import { isMissing, newNonce, remove, type KeptFolder } from "./folder.ts";

/** Who makes the file of a key. */
interface Holder {
  /** Of the making: its files are named by it. */
  readonly nonce: string;
  readonly pid: number;
  readonly host: string;
}

/** Whether this process may make the file of a key, or which making it has to wait for. */
export type LeaseResult =
  | { readonly kind: "taken"; readonly lease: Lease }
  | { readonly kind: "held"; readonly nonce: string };

/**
 * The right to make the file of a key, among the processes that share a folder. It is a file whose time is renewed. If the
 * maker is killed, the time gets old, and another process takes the right.
 *
 * Two makers at once do no harm: each has files of its own, and the last one to rename wins. The lease only saves work.
 */
export class Lease {
  readonly nonce: string;
  readonly #path: string;
  readonly #written: Promise<void>;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param written until then the file does not say who holds it */
  constructor(path: string, nonce: string, life: number, written: Promise<void>) {
    this.nonce = nonce;
    this.#path = path;
    this.#written = written;
    this.#timer = setInterval(() => void this.#renew(), life / 3);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    const now = new Date();
    await utimes(this.#path, now, now).catch(() => undefined);
  }

  /** Whether the right is still there. It is gone if the key was deleted, or another process took over. */
  async isHeld(): Promise<boolean> {
    await this.#written;
    return (await readHolder(this.#path))?.nonce === this.nonce;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (await this.isHeld().catch(() => false)) await remove(this.#path).catch(() => undefined);
  }
}

/** Says in a new lock who holds it. If the disk does not take that, the lock is given up. */
async function writeHolder(handle: FileHandle, path: string, nonce: string): Promise<void> {
  const holder: Holder = { nonce, pid: process.pid, host: hostname() };
  try {
    await handle.writeFile(JSON.stringify(holder));
  } catch (error) {
    debug(() => `The lock of a kept file could not be written: ${reasonOf(error)}`);
    await remove(path).catch(() => undefined);
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/**
 * Takes the right to make the file of a key.
 * @param life milliseconds after which a lease that was not renewed is free
 */
export async function takeLease(folder: KeptFolder, hash: string, life: number): Promise<LeaseResult> {
  const path = folder.lock(hash);
  for (;;) {
    const nonce = newNonce();
    try {
      const handle = await folder.create(path);
      return { kind: "taken", lease: new Lease(path, nonce, life, writeHolder(handle, path, nonce)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const other = await liveHolder(path, life);
    if (other !== undefined) return { kind: "held", nonce: other };
    // Renamed, not removed: of several that find it at the same time, one succeeds.
    const grave = `${path}.${nonce}`;
    await rename(path, grave).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    await remove(grave);
  }
}

/** The nonce of the making whose lease is alive. Undefined if no lease is. */
export async function liveHolder(path: string, life: number): Promise<string | undefined> {
  const [holder, age] = await Promise.all([readHolder(path), ageOf(path)]);
  if (age === undefined || age > life) return undefined;
  // Not written yet: a maker is between the two steps, or was killed there. Then its time gets old.
  if (holder === undefined) return "";
  return isGone(holder) ? undefined : holder.nonce;
}

function isGone({ pid, host }: Holder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Milliseconds since the last renewal. Undefined if there is no such file. */
async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
