/**
 * Counts which transfers run under which key, over every process that serves them. Each method is atomic: of any number of
 * calls at once, no more than `limit` downloads are admitted.
 *
 * A transfer holds a lease, which its process renews. That of a process that crashed runs out.
 */
export interface RunningDownloads {
  /**
   * Admits a transfer: as a part of a download of the same file that runs under the key, or as another download. Undefined
   * if `limit` downloads run.
   */
  start(key: string, transfer: NewTransfer, terms: RunningTerms): Promise<AdmittedTransfer | undefined>;
  /**
   * Renews the leases of transfers, also of those that have run out meanwhile. Returns how many transfers run under the key,
   * in all processes.
   */
  renew(key: string, transfers: readonly RunningTransfer[], terms: Omit<RunningTerms, "limit">): Promise<number>;
  end(key: string, id: string): Promise<void>;
}

export interface RunningTerms {
  /** How many downloads may run under the key. */
  readonly limit: number;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds for which a lease holds. */
  readonly lease: number;
}

/** A transfer that is about to start. */
export interface NewTransfer {
  readonly id: string;
  /** Identifies the version of the file. */
  readonly file: string;
  /** Bytes of the transfer. 1 if unknown. */
  readonly bytes: number;
  /** Bytes of the whole file, at least 1. */
  readonly size: number;
}

/** A transfer of a download: the whole file, or a range of it. */
export interface RunningTransfer extends NewTransfer {
  /** The id of the first transfer of the same download. */
  readonly download: string;
}

export interface AdmittedTransfer {
  readonly download: string;
  /** How many transfers run under the key now, with this one. */
  readonly running: number;
}

/** A range joins a download as long as its transfers together are at most so many times as large as the file. */
export const maxOverlap = 2;

/** Tells whether a transfer is of the whole file. Then it is a download of its own. */
function isWhole({ bytes, size }: NewTransfer): boolean {
  return bytes >= size;
}

/** Returns the download that a transfer joins or begins. Undefined if `limit` others run. */
export function downloadFor(
  transfer: NewTransfer,
  running: readonly RunningTransfer[],
  limit: number,
): string | undefined {
  const open = new Map<string, number>();
  for (const { download, bytes } of running) open.set(download, (open.get(download) ?? 0) + bytes);
  const joined = running.find(
    ({ file, download }) =>
      file === transfer.file &&
      !isWhole(transfer) &&
      (open.get(download) ?? 0) + transfer.bytes <= maxOverlap * transfer.size,
  );
  if (joined) return joined.download;
  return open.size < limit ? transfer.id : undefined;
}
