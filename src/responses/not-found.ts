import { debug, reasonOf } from "../diagnostics.ts";
import type { FileNotFoundError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { withoutCredentials } from "../serialization.ts";

/** Writes to the debug log which file was looked for, and why the client gets a 404. */
export function debugNotFound(file: DownloadFile | string, error: FileNotFoundError): void {
  debug(() => `404 for ${typeof file === "string" ? file : placeOf(file)}: ${reasonOf(error)}`);
}

function placeOf(file: DownloadFile): string {
  try {
    return file.path ?? (file.url === undefined ? JSON.stringify(file.name) : withoutCredentials(file.url));
  } catch {
    // A storage refuses a bad name when it is asked where the file is.
    return JSON.stringify(file.name);
  }
}
