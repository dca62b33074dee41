import { isDownloadError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { OpenBytes } from "../files/virtual-file-content.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { refuseJSON } from "../serialization.ts";

/** A file that is made of others, and can list them for a server. `ArchiveFile` is one. */
interface Manifested extends DownloadFile {
  manifest(
    locate: (file: DownloadFile) => string | undefined,
    options: { signal?: AbortSignal | undefined },
  ): Promise<{ readonly text: string; readonly etag: string } | undefined>;
}

/**
 * Has nginx's mod_zip make an archive in place of the application. Undefined if the application sends it: if a member is
 * at no URL, or has no declared CRC-32, or if the request depends on what only the application's archive can answer.
 *
 * Which of the two makes the archive depends on declared facts alone: their bytes differ, and a client that resumes
 * without `If-Range` must come to the same one.
 */
export async function offloadArchive(
  response: DownloadResponse,
  request: DownloadRequest,
  locate: (file: DownloadFile) => string | undefined,
): Promise<DownloadResponse | undefined> {
  const { file, beforeSend, limitRate } = response;
  // What is counted or slowed down is counted by the bytes that the application sends.
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

// The file says so again when it is rendered, where the view can answer.
function ignoreRefusal(error: unknown): undefined {
  if (!isDownloadError(error)) throw error;
}

/** mod_zip compares `If-Range` with dates alone, so a tag of another archive must not reach it. */
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

/** The list of members. It has no time: another layout of the same members would have the same one. */
class ManifestFile implements DownloadFile {
  readonly name: string;
  readonly #text: string;
  readonly #stat: FileStat;

  constructor(name: string, text: string, etag: string) {
    this.name = name;
    this.#text = text;
    // mod_zip makes the ranges: here there are none.
    this.#stat = { etag, contentType: "application/zip", seekable: false };
  }

  /** Without a length, which only mod_zip knows. */
  async stat(): Promise<FileStat> {
    return this.#stat;
  }

  async open(): Promise<OpenFile> {
    const bytes = new TextEncoder().encode(this.#text);
    return new OpenBytes({ ...this.#stat, size: bytes.byteLength }, bytes);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
