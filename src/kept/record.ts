import type { KeptKey } from "./key.ts";

/** What an upstream said of how long its answer may be kept, in seconds (RFC 9111). */
export interface UpstreamLifetime {
  /** How long the answer is fresh. Undefined if the upstream did not say. */
  readonly freshFor?: number | undefined;
  /** How old the answer was when it came. */
  readonly age: number;
  /** Whether it must not be used once it is stale (`must-revalidate`, `proxy-revalidate`, `no-cache`). */
  readonly mustRevalidate: boolean;
  /** What to ask with whether it still holds. */
  readonly etag?: string | undefined;
  /** The same, if there is no entity tag: milliseconds since the epoch. */
  readonly lastModified?: number | undefined;
}

/** What is written beside a kept file. The file is found by it alone. */
export interface KeptRecord {
  readonly version: 1;
  /** The whole key: a hash that two keys share must not show the one's file to the other. */
  readonly key: KeptKey;
  /** The name of the file below `files`. It never has other bytes. */
  readonly file: string;
  /** Of the making that this record came of. */
  readonly nonce: string;
  /** In bytes. */
  readonly size: number;
  /** SHA-256 of the bytes, base64url. */
  readonly sha256: string;
  readonly crc32: number;
  /** What the original was called when the making began, and when its bytes had come. */
  readonly askedName: string;
  readonly name: string;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  /** Milliseconds since the epoch, whole seconds: what the client sees, and the time of the file on the disk. */
  readonly lastModified: number;
  /** When the bytes were made, in milliseconds since the epoch. */
  readonly madeAt: number;
  /** When they were last known to be right: made, or found to be unchanged. */
  readonly validatedAt: number;
  readonly upstream?: UpstreamLifetime | undefined;
}

/** The record in `text`. Undefined for anything else, such as one of another version. */
export function parseRecord(text: string): KeptRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<KeptRecord> | null;
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(record: Partial<KeptRecord> | null): record is KeptRecord {
  return (
    record?.version === 1 &&
    Array.isArray(record.key) &&
    /^[0-9a-f]{2}\/[0-9a-f]{64}-[0-9a-f]+$/.test(record.file ?? "") &&
    typeof record.nonce === "string" &&
    [record.size, record.crc32, record.lastModified, record.madeAt, record.validatedAt].every(Number.isSafeInteger) &&
    /^[\w-]{43}$/.test(record.sha256 ?? "") &&
    typeof record.name === "string" &&
    typeof record.askedName === "string"
  );
}
