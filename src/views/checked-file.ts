import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";

export function isDownloadFile(value: unknown): value is DownloadFile {
  return typeof value === "object" && value !== null && "stat" in value && "open" in value;
}

/**
 * @param source what returned it, such as `ReportView.getFile()`
 * @throws {FileNotFoundError} for undefined and null
 * @throws {ImproperlyConfiguredError} for anything else that is not a file, with what to write instead
 */
export function checkedFile(value: unknown, source: string): DownloadFile {
  if (isDownloadFile(value)) return value;
  if (value === undefined || value === null) {
    throw new FileNotFoundError(undefined, { cause: new Error(`${source} returned ${String(value)}`) });
  }
  throw new ImproperlyConfiguredError(`${source} must return a DownloadFile, got ${kindOf(value)}. ${instead(value)}`);
}

function instead(value: {}): string {
  if (typeof value === "string") {
    return "Wrap a path: new LocalFile(path, { root }); a text: new VirtualFile(text, { name })";
  }
  if (value instanceof URL) return "Wrap it: new HTTPFile(url)";
  if (typeof Response !== "undefined" && value instanceof Response) return "Return it from get() in place of getFile()";
  return "Wrap bytes, a Blob, a stream or an iterable: new VirtualFile(content, { name })";
}

function kindOf(value: {}): string {
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : `a ${typeof value}`;
}
