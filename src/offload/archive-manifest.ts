import { isDownloadError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { OpenBytes } from "../files/content.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { refuseJSON } from "../serialization.ts";

/** A file that consists of other files and can list them for a server, such as `ArchiveFile`. */
interface Manifested extends DownloadFile {
  manifest(
    locate: (file: DownloadFile) => string | undefined,
    options: { signal?: AbortSignal | undefined },
  ): Promise<{ readonly text: string; readonly etag: string } | undefined>;
}

/**
 * Makes a response with which nginx's mod_zip makes the archive.
 *
 * The decision depends on declared facts only. The archives of mod_zip and of the application differ in their bytes, and a
 * client that resumes without `If-Range` must reach the same one again.
 *
 * @returns undefined if the application sends the archive: a member has no URL or no declared CRC-32, or the request has a
 * precondition that only the application can evaluate
 */
export async function offloadArchive(
  response: DownloadResponse,
  request: DownloadRequest,
  locate: (file: DownloadFile) => string | undefined,
): Promise<DownloadResponse | undefined> {
  const { file, beforeSend, limitRate } = response;
  // Limited links and rate limits count the bytes that the application sends.
  if (!isManifested(file) || beforeSend || limitRate !== undefined) return undefined;
  const manifest = await file.manifest(locate, { signal: request.signal }).catch(ignoreRefusal);
  if (!manifest || !isForModZip(request, manifest.etag)) return undefined;
  response.file = new ManifestFile(file.name, manifest.text, manifest.etag);
  const isUnchanged = listsTag(request.headers.get("if-none-match"), manifest.etag);
  if (request.method !== "GET" || isUnchanged) return response;
  response.headers.set("X-Archive-Files", "zip");
  const { onFinish } = response;
  if (onFinish) {
    response.onFinish = (outcome) =>
      onFinish(
        outcome.kind === "completed" ? { ...outcome, kind: "handedOver", bytesSent: 0, completed: false } : outcome,
      );
  }
  return response;
}

function isManifested(file: DownloadFile): file is Manifested {
  return typeof (file as Partial<Manifested>).manifest === "function";
}

// The file throws the same error when it is rendered, and there the view can answer it.
function ignoreRefusal(error: unknown): undefined {
  if (!isDownloadError(error)) throw error;
}

/** mod_zip compares `If-Range` with dates only, so a tag of another archive must not reach it. */
function isForModZip({ headers }: DownloadRequest, etag: string): boolean {
  const isConditional = ["if-match", "if-unmodified-since", "if-modified-since"].some(
    (name) => headers.get(name) !== null,
  );
  const ifRange = headers.get("if-range");
  return !isConditional && (ifRange === null || ifRange === etag);
}

function listsTag(header: string | null, etag: string): boolean {
  const opaque = etag.replace(/^W\//, "");
  return header !== null && (header.trim() === "*" || header.includes(opaque));
}

/** The list of members. It has no modification time: another layout of the same members would have the same time. */
class ManifestFile implements DownloadFile {
  readonly name: string;
  readonly #text: string;
  readonly #stat: FileStat;

  constructor(name: string, text: string, etag: string) {
    this.name = name;
    this.#text = text;
    // mod_zip answers ranges, of the archive. The list itself has none.
    this.#stat = { etag, contentType: "application/zip", seekable: false };
  }

  /** Has no size: only mod_zip knows the size of the archive. */
  async stat(): Promise<FileStat> {
    return this.#stat;
  }

  async open(): Promise<OpenFile> {
    const bytes = new TextEncoder().encode(this.#text);
    return new OpenBytes({ ...this.#stat, size: bytes.byteLength }, bytes);
  }

  /** @throws {TypeError} always: a client must not see the internal state. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
