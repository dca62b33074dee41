import { debug, reasonOf } from "../diagnostics.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { modificationTime, type Validators } from "../http/decide.ts";
import type { DownloadResponse } from "./download-response.ts";

/**
 * Whether `file` changed after `since`: by the file's own `wasModifiedSince`, else by its `lastModified`, else true. A
 * `wasModifiedSince` that throws or returns undefined counts as true: a 304 is sent only for a certain false.
 */
export async function wasModifiedSince(file: DownloadFile, since: Date, representation?: Validators): Promise<boolean> {
  if (file.wasModifiedSince) return askFile(file, since);
  const modified = modificationTime(representation ?? (await file.stat()));
  return modified === undefined || modified > since.getTime() / 1000;
}

async function askFile(file: DownloadFile, since: Date): Promise<boolean> {
  try {
    return (await file.wasModifiedSince?.(since)) !== false;
  } catch (error) {
    debug(
      () =>
        `wasModifiedSince() of ${JSON.stringify(file.name)} threw, so the file counts as modified: ${reasonOf(error)}`,
    );
    return true;
  }
}

/** Whether a hook that was overridden, or the file itself, decides on If-Modified-Since in place of a date. */
export function decidesItself({ file, hooks }: DownloadResponse): boolean {
  const { wasModifiedSince: hook } = hooks;
  return file.wasModifiedSince !== undefined || (hook !== undefined && hook !== wasModifiedSince);
}
