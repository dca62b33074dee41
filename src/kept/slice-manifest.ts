import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import { isProvable } from "../files/remote/answer.ts";

/** What all slices of one version of a file have in common. It is a kept file of its own, for as long as its upstream says. */
export interface SliceManifest {
  readonly size: number;
  /** Strong. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly lastModified?: number | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
}

/** The manifest of an opened file. Undefined if it cannot be sliced: no HTTP, no length, no ranges, or no strong entity tag. */
export function sliceable({ stat, fields }: OpenFile): SliceManifest | undefined {
  const { size, etag, lastModified, contentType, contentEncoding } = stat;
  const hasRanges = typeof fields?.get("content-range") === "string";
  if (!hasRanges || size === undefined || etag === undefined || !isProvable(stat)) return undefined;
  return { size, etag, lastModified: lastModified?.getTime(), contentType, contentEncoding };
}

/** Asks for the first byte of the original, and has what was learnt of the whole as its content. */
export class ManifestSource implements DownloadFile {
  readonly #original: DownloadFile;

  constructor(original: DownloadFile) {
    this.#original = original;
  }

  get name(): string {
    return this.#original.name;
  }

  stat(): Promise<FileStat> {
    return this.#original.stat();
  }

  async open(options: OpenOptions = {}): Promise<OpenFile> {
    const opened = await this.#original.open({ ...options, range: { start: 0, end: 0 } });
    if (opened.notModified) return opened;
    try {
      const text = JSON.stringify(sliceable(opened) ?? null);
      const { etag, lastModified } = opened.stat;
      const described = { name: this.name, ...(etag === undefined ? {} : { etag }), lastModified };
      const manifest = await new VirtualFile(text, described).open();
      return Object.assign(manifest, { fields: opened.fields, isAuthorized: opened.isAuthorized });
    } finally {
      await opened.close();
    }
  }
}
