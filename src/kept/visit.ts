import type { DownloadFile } from "../files/download-file.ts";
import { releaseFile } from "../files/release-file.ts";
import type { Keeping } from "./kept-options.ts";
import type { HashedKey } from "./key.ts";

/** One request for the file of a key. */
export interface Visit {
  readonly key: HashedKey;
  /** The file as the view returned it. */
  readonly original: DownloadFile;
  readonly options: Keeping;
  readonly signal: AbortSignal | undefined;
  /** Whether a making or the response took the original. One that nothing took may hold a connection. */
  isTaken: boolean;
}

export function visitOf(key: HashedKey, original: DownloadFile, options: Keeping, signal?: AbortSignal): Visit {
  return { key, original, options, signal, isTaken: false };
}

/** Runs `serve`, and then releases the original unless something took it. */
export async function releasing<T>(visit: Visit, serve: (visit: Visit) => Promise<T>): Promise<T> {
  try {
    return await serve(visit);
  } finally {
    if (!visit.isTaken) releaseFile(visit.original);
  }
}
