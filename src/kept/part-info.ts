import type { FileStat } from "../files/download-file.ts";

/** What is known of a file while it is made. Other processes read it beside the part. */
export interface PartInfo {
  readonly name: string;
  readonly size?: number | undefined;
  readonly lastModified?: number | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
}

export function partInfo(name: string, { size, lastModified, contentType, contentEncoding }: FileStat): PartInfo {
  return { name, size, lastModified: lastModified?.getTime(), contentType, contentEncoding };
}

export function parsePartInfo(text: string): PartInfo | undefined {
  try {
    return JSON.parse(text) as PartInfo;
  } catch {
    return undefined;
  }
}

/**
 * The description of a file that is being made. It has no entity tag: the tag of the kept file is made of all its bytes. It
 * can be read once, from its beginning.
 */
export function growingStat({ size, lastModified, contentType, contentEncoding }: PartInfo): FileStat {
  return {
    ...(size === undefined ? {} : { size }),
    ...(lastModified === undefined ? {} : { lastModified: new Date(lastModified) }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    seekable: false,
  };
}
