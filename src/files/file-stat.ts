import type { DownloadFile, FileStat } from "./download-file.ts";

/**
 * A description whose numbers and dates can be counted on, whichever file it is of. Files of other packages and of
 * applications come by here as well: a length of NaN would otherwise be sent as one.
 * @throws {TypeError} for a size that is no length, and for a date that is none
 */
export function checkedStat(stat: FileStat, file: DownloadFile): FileStat {
  const { size, lastModified } = stat;
  if (size !== undefined && !isLength(size)) {
    throw new TypeError(
      `${kindOf(file)} describes itself with the size ${written(size)}. A size is a whole number of bytes from 0 to ` +
        "2^53 - 1, or undefined where it is not known",
    );
  }
  if (lastModified !== undefined && !isDate(lastModified)) {
    throw new TypeError(
      `${kindOf(file)} describes itself with the lastModified ${written(lastModified)}. It must be a valid Date, or ` +
        "undefined where it is not known",
    );
  }
  return stat;
}

function isLength(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

// Also one of another realm, such as that of a test runner: by what it is rather than by its class.
function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN((value as Date).getTime());
}

function written(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "bigint" ? `${value}n` : String(value);
}

/** The class of the file, of the one inside where a description was put on top of it. */
function kindOf(file: DownloadFile & { readonly source?: unknown }): string {
  const { source } = file;
  if (typeof source === "object" && source !== null && "stat" in source) return kindOf(source as DownloadFile);
  const { name } = file.constructor;
  return name === "Object" || name === "" ? "A file" : name;
}
