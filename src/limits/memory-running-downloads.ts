import {
  downloadFor,
  type AdmittedTransfer,
  type NewTransfer,
  type RunningDownloads,
  type RunningTerms,
  type RunningTransfer,
} from "./running-downloads.ts";

interface Leased extends RunningTransfer {
  readonly until: number;
}

/**
 * Counts in the memory of this process, for a server with one process.
 *
 * @example
 * ```ts
 * import { MemoryRunningDownloads } from "downloadview/limits";
 *
 * const counter = new MemoryRunningDownloads();
 * const terms = { limit: 1, now: Date.now(), lease: 60_000 };
 * const whole = { file: "a", bytes: 10, size: 10 };
 * console.assert((await counter.start("alice", { id: "1", ...whole }, terms))?.running === 1);
 * console.assert((await counter.start("alice", { id: "2", ...whole }, terms)) === undefined);
 * const range = { id: "3", file: "a", bytes: 5, size: 10 };
 * console.assert((await counter.start("alice", range, terms))?.download === "1");
 * ```
 */
export class MemoryRunningDownloads implements RunningDownloads {
  readonly #keys = new Map<string, Leased[]>();

  async start(
    key: string,
    transfer: NewTransfer,
    { limit, now, lease }: RunningTerms,
  ): Promise<AdmittedTransfer | undefined> {
    const running = this.#live(key, now);
    const download = downloadFor(transfer, running, limit);
    if (download === undefined) return undefined;
    this.#keys.set(key, [...running, { ...transfer, download, until: now + lease }]);
    return { download, running: running.length + 1 };
  }

  async renew(
    key: string,
    transfers: readonly RunningTransfer[],
    { now, lease }: Omit<RunningTerms, "limit">,
  ): Promise<number> {
    const ids = new Set(transfers.map(({ id }) => id));
    const others = this.#live(key, now).filter(({ id }) => !ids.has(id));
    const all = [...others, ...transfers.map((transfer) => ({ ...transfer, until: now + lease }))];
    this.#keep(key, all);
    return all.length;
  }

  async end(key: string, id: string): Promise<void> {
    this.#keep(
      key,
      (this.#keys.get(key) ?? []).filter((one) => one.id !== id),
    );
  }

  #live(key: string, now: number): Leased[] {
    return (this.#keys.get(key) ?? []).filter(({ until }) => until > now);
  }

  #keep(key: string, transfers: Leased[]): void {
    if (transfers.length > 0) this.#keys.set(key, transfers);
    else this.#keys.delete(key);
  }
}
