import { DownloadError } from "../errors.ts";
import type { Content } from "../files/content.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { refuseJSON } from "../serialization.ts";
import type { KeptRecord } from "./record.ts";

/** Fetching a file from the shared storage failed. Another attempt makes it. */
export class SharedFileError extends DownloadError {
  override readonly name = "SharedFileError";

  constructor(cause: unknown) {
    super(503, "The file could not be fetched", { headers: { "Retry-After": "1" }, cause });
  }
}

/** The bytes of a file that another machine has made. Its stat promises what the record says. The reader checks that. */
export class OpenSharedFile implements OpenFile {
  readonly stat: FileStat;
  readonly record: KeptRecord;
  readonly #opened: OpenFile;
  readonly #onUnusable: () => void;
  #isUsable = true;

  constructor(opened: OpenFile, record: KeptRecord, onUnusable: () => void) {
    const { size, sha256, contentType, contentEncoding, lastModified } = record;
    this.record = record;
    this.#opened = opened;
    this.#onUnusable = onUnusable;
    this.stat = {
      size,
      digests: { "sha-256": new Uint8Array(Buffer.from(sha256, "base64url")) },
      lastModified: new Date(lastModified),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
    };
  }

  get isUsable(): boolean {
    return this.#isUsable;
  }

  content(): Promise<Content> {
    return this.#opened.content();
  }

  /** Reading it failed with `cause`: it is not fetched again for a while. */
  failed(cause: unknown): SharedFileError {
    this.#isUsable = false;
    this.#onUnusable();
    return new SharedFileError(cause);
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
