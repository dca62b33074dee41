import type { Choice } from "../choice.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { answersByItself, BaseDownloadView } from "../views/base-download-view.ts";
import { ArchiveFile, type ArchiveOptions } from "./archive-file.ts";
import { listedOnce } from "./describe-members.ts";
import type { ArchiveEntries } from "./member.ts";

/**
 * Serves many files as one ZIP or TAR. Give it `getEntries()`, as an option or by a subclass; the options are those of
 * {@link ArchiveFile}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryStorage, StorageFile } from "downloadview";
 * import { ArchiveDownloadView } from "downloadview/archive";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const storage = new MemoryStorage();
 * await storage.save("1.jpg", new Uint8Array(1000));
 * const album = ArchiveDownloadView.asView({
 *   filename: "Album.zip",
 *   getEntries: () => [{ name: "2026/Sea.jpg", file: new StorageFile(storage, "1.jpg") }],
 * });
 * const response = await toFetchHandler(album)(new Request("http://localhost/", { headers: { Range: "bytes=-22" } }));
 * assert.equal(response.status, 206);
 * assert.equal(response.headers.get("Content-Disposition"), 'attachment; filename="Album.zip"');
 * assert.equal((await response.arrayBuffer()).byteLength, 22);
 * ```
 */
export class ArchiveDownloadView<C = unknown> extends BaseDownloadView<C> {
  /** See {@link ArchiveOptions}. Default `"zip"`. */
  format: Choice<"zip" | "tar"> = "zip";
  /** Default `"rename"`. */
  duplicates: Choice<"rename" | "refuse"> = "rename";
  /** Default `"refuse"`. */
  missing: Choice<"refuse" | "list"> = "refuse";
  /** Default 10,000. */
  maxEntries: number | undefined = undefined;
  /** In bytes. Default 50 GiB. */
  maxBytes: number | undefined = undefined;
  fingerprints: ArchiveOptions["fingerprints"] = undefined;

  /** The entries in the order of the archive. A file that this user may not have does not belong in the list. */
  getEntries(): ArchiveEntries | Promise<ArchiveEntries> {
    throw new ImproperlyConfiguredError(
      `${this.constructor.name} needs a getEntries() that returns { name, file } entries`,
    );
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return new ArchiveFile(
      listedOnce(() => this.getEntries(), this.maxEntries),
      this.#options(),
    );
  }

  #options(): ArchiveOptions {
    const { format, duplicates, missing, maxEntries, maxBytes, fingerprints } = this;
    // ArchiveFile checks the values.
    return { format, duplicates, missing, maxEntries, maxBytes, fingerprints } as ArchiveOptions;
  }

  override checkConfiguration(): void {
    super.checkConfiguration();
    void new ArchiveFile([], this.#options());
    if (answersByItself<ArchiveDownloadView>(this, ArchiveDownloadView, "getEntries")) return;
    throw new ImproperlyConfiguredError(
      `${this.constructor.name} needs entries: asView({ getEntries: () => [{ name, file }] })`,
    );
  }
}
