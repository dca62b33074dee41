import { debug, reasonOf } from "../diagnostics.ts";
import type { DownloadFile } from "./download-file.ts";

/** The file will not be read. It may be a stream that holds a connection: that ends now. No effect on a file that was opened. */
export function releaseFile(file: DownloadFile): void {
  file.release?.().catch((error: unknown) => debug(() => `A file could not be released: ${reasonOf(error)}`));
}
