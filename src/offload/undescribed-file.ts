import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadOptions } from "../responses/presentation.ts";
import { refuseJSON } from "../serialization.ts";

/** A file of which the application knows only what a server calls it. */
export class UndescribedFile implements DownloadFile {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async stat(): Promise<FileStat> {
    return {};
  }

  async open(): Promise<OpenFile> {
    throw new FileNotFoundError();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** How to present a file that only a server sends. */
export interface ServerDownloadOptions extends Omit<DownloadOptions, "status" | "limitRate"> {
  /** The file that the server sends. Without it nothing is known but its name, and no precondition is evaluated. */
  file?: DownloadFile;
  /** All of `Content-Type`. Default: by the name. */
  contentType?: string;
}

/** What the application would send, if it had to. */
export function sourceNamed(name: string, options: ServerDownloadOptions): DownloadResponse {
  const { file = new UndescribedFile(name), contentType, ...presentation } = options;
  const source = new DownloadResponse(file, presentation);
  if (contentType !== undefined) source.headers.set("Content-Type", contentType);
  return source;
}
