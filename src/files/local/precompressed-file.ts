import { listed, written } from "../../choice.ts";
import { FileNotFoundError, ImproperlyConfiguredError } from "../../errors.ts";
import { preferredEncoding } from "../../http/encoding.ts";
import { nginxEntityTag } from "../../http/etag.ts";
import { refuseJSON } from "../../serialization.ts";
import { DescribedFile } from "../described-file.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../download-file.ts";
import { variantEntityTag } from "./etag.ts";
import { LocalFile, type LocalFileOptions } from "./local-file.ts";

/** A coding of a compressed file that lies beside the file itself. */
export type PrecompressedCoding = "br" | "zstd" | "gzip";

/** The extensions that compressors add, and that nginx's `gzip_static` and similar modules look for. */
const endings: Readonly<Record<PrecompressedCoding, string>> = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** @throws {ImproperlyConfiguredError} for anything but a list of codings */
export function assertPrecompressed(
  codings: unknown,
  owner: string,
): asserts codings is readonly PrecompressedCoding[] {
  const known = Object.keys(endings);
  if (Array.isArray(codings) && codings.every((coding) => known.includes(coding as string))) return;
  throw new ImproperlyConfiguredError(
    `${owner}: precompressed must be a list of ${listed(known)}, got ${written(codings)}`,
  );
}

/**
 * A local file that may lie on the disk compressed as well: `report.csv.br` beside `report.csv`. What the client likes
 * best of those that are there is served, each a representation with its own length and entity tag (RFC 9110 §8.4,
 * §12.5.3). The answer needs `Vary: Accept-Encoding`, whichever it is.
 */
export class PrecompressedFile implements DownloadFile {
  readonly name: string;
  readonly path: string;
  readonly #file: LocalFile;
  readonly #variants: readonly DownloadFile[];

  constructor(
    path: string,
    codings: readonly PrecompressedCoding[],
    acceptEncoding: string | null,
    options: LocalFileOptions = {},
  ) {
    const file = new LocalFile(path, options);
    this.name = file.name;
    this.path = file.path;
    this.#file = file;
    this.#variants = accepted(codings, acceptEncoding).map((coding) => variant(file, coding, options));
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.#first(
      async (file) => ({ ...(await file.stat(options)), path: file.path! }),
      (stat) => stat,
    );
  }

  open(options?: OpenOptions): Promise<OpenFile> {
    return this.#first(
      (file) => file.open(options),
      ({ stat }) => stat,
      (opened) => opened.close(),
    );
  }

  /** Reads the first variant that exists and is not stale, or else the file itself. */
  async #first<T>(
    read: (file: DownloadFile) => Promise<T>,
    statOf: (found: T) => FileStat,
    discard?: (found: T) => Promise<void>,
  ): Promise<T> {
    const original = this.#variants.length > 0 ? this.#file.stat().catch(() => undefined) : undefined;
    for (const variant of this.#variants) {
      const found = await unlessMissing(read(variant));
      if (found === undefined) continue;
      if (!isStale(statOf(found), await original)) return found;
      await discard?.(found);
    }
    return read(this.#file);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}

/** Whether a variant is older than its file. A time that was copied may have lost what is below a second or a millisecond. */
function isStale({ lastModified }: FileStat, original: FileStat | undefined): boolean {
  const variant = lastModified?.getTime();
  const file = original?.lastModified?.getTime();
  if (variant === undefined || file === undefined) return false;
  return variant < file && variant !== Math.floor(file / 1000) * 1000;
}

function variant(file: LocalFile, coding: PrecompressedCoding, options: LocalFileOptions): DownloadFile {
  const etag = variantEntityTag(options.etag ?? nginxEntityTag, coding);
  const compressed = new LocalFile(file.path + endings[coding], { ...options, etag, name: file.name });
  return new DescribedFile(compressed, { contentEncoding: coding });
}

/** The codings that the client prefers to the plain file, best first. */
function accepted(codings: readonly PrecompressedCoding[], acceptEncoding: string | null): PrecompressedCoding[] {
  const best = codings.find((coding) => coding === preferredEncoding(acceptEncoding, codings));
  if (best === undefined) return [];
  const others = codings.filter((coding) => coding !== best);
  return [best, ...accepted(others, acceptEncoding)];
}
