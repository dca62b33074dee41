import { FileChangedError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { VirtualFile, type VirtualFileOptions } from "./virtual-file.ts";

export interface BlobFileOptions extends Omit<VirtualFileOptions, "size" | "ranges"> {
  /** Length in bytes. */
  size: number;
  /**
   * Returns `length` bytes from `offset`, or fewer, but at least one; undefined if the bytes no longer exist. A condition on
   * the version that was described, such as `WHERE id = ? AND version = ?`, keeps two versions from being mixed.
   */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** How many bytes are read at a time. Default 262 144. */
  chunkSize?: number;
}

/**
 * A file whose bytes are read piece by piece, such as a BLOB column by SQL's `substr`: memory holds one piece a download,
 * and a range costs no more than its bytes. Give it an `etag`, so that clients can resume.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createClient } from "@libsql/client";
 * import { blobFile, readOpened } from "downloadview";
 *
 * const db = createClient({ url: ":memory:" });
 * await db.execute("CREATE TABLE scans (id INTEGER PRIMARY KEY, data BLOB)");
 * await db.execute({ sql: "INSERT INTO scans VALUES (1, ?)", args: [new TextEncoder().encode("0123456789")] });
 *
 * const file = blobFile({
 *   name: "scan.bin",
 *   size: 10,
 *   async read(offset, length) {
 *     const sql = "SELECT substr(data, ? + 1, ?) AS piece FROM scans WHERE id = 1";
 *     const { rows } = await db.execute({ sql, args: [offset, length] });
 *     return rows[0] && new Uint8Array(rows[0].piece as ArrayBuffer);
 *   },
 * });
 * const opened = await file.open();
 * let text = "";
 * for await (const chunk of readOpened(opened, { start: 3, end: 5 })) text += new TextDecoder().decode(chunk);
 * assert.equal(text, "345");
 * await opened.close();
 * ```
 */
export function blobFile({ read, chunkSize = 256 * 1024, ...options }: BlobFileOptions): VirtualFile {
  const whole = { start: 0, end: options.size - 1 };
  return new VirtualFile(({ range = whole, signal }) => pieces(read, range, chunkSize, signal), {
    ...options,
    ranges: true,
  });
}

async function* pieces(
  read: BlobFileOptions["read"],
  { start, end }: ByteRange,
  chunkSize: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let position = start; position <= end;) {
    const bytes = await read(position, Math.min(chunkSize, end + 1 - position), signal);
    if (bytes === undefined || bytes.byteLength === 0) throw new FileChangedError();
    yield bytes;
    position += bytes.byteLength;
  }
}
