import { FileNotFoundError } from "../errors.ts";
import { preferredEncoding } from "../http/encoding.ts";
import { refuseJSON } from "../serialization.ts";
import { DescribedFile } from "./described-file.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "./download-file.ts";
import { LocalFile, type LocalFileOptions } from "./local-file.ts";

/** A coding that a local file may lie beside the file itself in. */
export type PrecompressedCoding = "br" | "zstd" | "gzip";

/** The endings that compressors give, and that nginx's `gzip_static` and its like look for. */
const endings: Readonly<Record<PrecompressedCoding, string>> = { br: ".br", zstd: ".zst", gzip: ".gz" };

/**
 * A local file that may lie on the disk compressed as well: `report.csv.br` beside `report.csv`. What the client likes
 * best of those that are there is served, each a representation with its own length and entity tag (RFC 9110 §8.4,
 * §12.5.3). The answer needs `Vary: Accept-Encoding`, whichever it is.
 */
export class PrecompressedFile implements DownloadFile {
  readonly name: string;
  readonly path: string;
  readonly #variants: readonly DownloadFile[];

  constructor(
    path: string,
    codings: readonly PrecompressedCoding[],
    acceptEncoding: string | null,
    options?: LocalFileOptions,
  ) {
    const file = new LocalFile(path, options);
    this.name = file.name;
    this.path = file.path;
    this.#variants = [...accepted(codings, acceptEncoding).map((coding) => variant(file, coding, options)), file];
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.#first(async (file) => ({ ...(await file.stat(options)), path: file.path! }));
  }

  open(options?: OpenOptions): Promise<OpenFile> {
    return this.#first((file) => file.open(options));
  }

  async #first<T>(read: (file: DownloadFile) => Promise<T>): Promise<T> {
    for (const file of this.#variants) {
      try {
        return await read(file);
      } catch (error) {
        if (!(error instanceof FileNotFoundError)) throw error;
      }
    }
    throw new FileNotFoundError();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function variant(file: LocalFile, coding: PrecompressedCoding, options?: LocalFileOptions): DownloadFile {
  const compressed = new LocalFile(file.path + endings[coding], { ...options, name: file.name });
  return new DescribedFile(compressed, { contentEncoding: coding });
}

/** The codings that the client prefers to none, best first. */
function accepted(codings: readonly PrecompressedCoding[], acceptEncoding: string | null): PrecompressedCoding[] {
  const best = codings.find((coding) => coding === preferredEncoding(acceptEncoding, codings));
  if (best === undefined) return [];
  const others = codings.filter((coding) => coding !== best);
  return [best, ...accepted(others, acceptEncoding)];
}
