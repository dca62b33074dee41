import type { DownloadFile } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import type { CacheOutcome } from "./cache-status.ts";
import type { KeepOptions } from "./kept-options.ts";
import type { HashedKey } from "./key.ts";

/** One request for the file of a key. */
export interface Visit {
  readonly key: HashedKey;
  /** The file as the view returned it. */
  readonly original: DownloadFile;
  readonly options: KeepOptions;
  readonly signal: AbortSignal | undefined;
  /** Told what the request came to, before it is answered. */
  readonly report: ((outcome: CacheOutcome) => void) | undefined;
  /** For how many milliseconds its client waits, if another machine makes the file. */
  readonly patience: number;
  /** Whether the caller can send an original that was opened already, and can be read only once. */
  readonly takesOpened: boolean;
  /** For how many seconds more what was found last is fresh. Undefined if nothing was found. */
  ttl: number | undefined;
  /** Whether the kept file was looked for a moment ago, and there was none that could be served. */
  wasLookedFor: boolean;
  /** Whether a making or the response took the original. One that nothing took may hold a connection. */
  isTaken: boolean;
}

/** What a visit may have beyond its key and its file. */
export type VisitOptions = Partial<Pick<Visit, "signal" | "report" | "patience" | "takesOpened">>;

const defaultPatience = 10_000;

export function visitOf(
  key: HashedKey,
  original: DownloadFile,
  options: KeepOptions,
  { signal, report, patience = defaultPatience, takesOpened = false }: VisitOptions = {},
): Visit {
  return {
    key,
    original,
    options,
    signal,
    report,
    patience,
    takesOpened,
    ttl: undefined,
    wasLookedFor: false,
    isTaken: false,
  };
}

/** Runs `serve`, and then releases the original unless something took it. */
export async function releasing<T>(visit: Visit, serve: (visit: Visit) => Promise<T>): Promise<T> {
  try {
    return await serve(visit);
  } finally {
    if (!visit.isTaken) releaseFile(visit.original);
  }
}
