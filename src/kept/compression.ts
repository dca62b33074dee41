import { pipeline, Readable, type Transform } from "node:stream";
import * as zlib from "node:zlib";
import { ImproperlyConfiguredError } from "../errors.ts";
import { readOpened } from "../files/content.ts";
import { DescribedFile } from "../files/described-file.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";

/** A coding that a file can be compressed to. Node has `zstd` from 22.15 and 23.8 on. */
export type DerivedCoding = "br" | "zstd" | "gzip";

const { constants } = zlib;
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

/** Missing in older versions of Node. */
const createZstdCompress = (zlib as { createZstdCompress?: () => Transform }).createZstdCompress;

const coders: Readonly<Record<DerivedCoding, (() => Transform) | undefined>> = {
  br: () => zlib.createBrotliCompress(brotliOptions),
  zstd: createZstdCompress && (() => createZstdCompress()),
  gzip: () => zlib.createGzip({ level: 6 }),
};

export function isCoding(recipe: string): recipe is DerivedCoding {
  return Object.hasOwn(coders, recipe);
}

/**
 * Returns those codings of a list that this version of Node has.
 * @throws {ImproperlyConfiguredError} if it has none of them
 */
export function availableCodings(codings: readonly DerivedCoding[]): readonly DerivedCoding[] {
  const available = codings.filter((coding) => coders[coding]);
  if (available.length > 0) return available;
  throw new ImproperlyConfiguredError(
    `derive: Node ${process.version} cannot compress with ${codings.join(", ")}: zlib has zstd from Node 22.15 and 23.8 on. ` +
      'Add "br" or "gzip" to the list, which is then used where zstd is missing: recipe: ["zstd", "br"]',
  );
}

/** Why a file is not compressed: it is encoded already. Clients get it as it is. */
export class AlreadyEncodedError extends Error {
  override readonly name = "AlreadyEncodedError";
}

/** The bytes of a file in a coding, compressed when they are read. Type and date are those of the file. */
export class CompressedFile extends DescribedFile {
  readonly #original: DownloadFile;

  /** @param onRead called when all of the original was read, before the end is known */
  constructor(original: DownloadFile, coding: DerivedCoding, name: string, onRead: () => Promise<void>) {
    const contentEncoding = coding;
    super(new VirtualFile(({ signal }) => compress(original, coding, signal, onRead), { name, contentEncoding }), {});
    this.#original = original;
  }

  /** @throws {AlreadyEncodedError} if the original has a coding */
  override async open(options?: OpenOptions): Promise<OpenFile> {
    const { contentType, contentEncoding, lastModified } = await this.#original.stat(options);
    if (contentEncoding !== undefined) throw new AlreadyEncodedError(`It is encoded already: ${contentEncoding}`);
    return new DescribedFile(this.source, { contentType, lastModified }).open(options);
  }
}

async function* compress(
  original: DownloadFile,
  coding: DerivedCoding,
  signal: AbortSignal,
  onRead: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const opened = await original.open({ signal });
  try {
    if (opened.stat.contentEncoding !== undefined) throw new AlreadyEncodedError("It is encoded by now");
    const source = Readable.from(readOpened(opened), { objectMode: false });
    yield* pipeline(source, coders[coding]!(), () => undefined) as AsyncIterable<Uint8Array>;
    await onRead();
  } finally {
    await opened.close();
  }
}
