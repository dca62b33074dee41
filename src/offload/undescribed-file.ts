import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadOptions } from "../responses/presentation.ts";
import { refuseJSON } from "../serialization.ts";

/** A file of which the application knows only the name on the server. */
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

  /** @throws {TypeError} always: a client must not see the internal state. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** How to present a file that the server sends and the application may not have. */
export interface ServerDownloadOptions extends Omit<DownloadOptions, "status" | "limitRate"> {
  /** The file that the server sends. Without it, the application knows only the name and evaluates no preconditions. */
  file?: DownloadFile;
  /** The whole `Content-Type`, with its parameters. Default: by the extension of the name. */
  contentType?: string;
}

/** Makes the response that the application would send for a file with this name. */
export function sourceNamed(name: string, options: ServerDownloadOptions): DownloadResponse {
  const { file = new UndescribedFile(name), contentType, ...presentation } = options;
  const source = new DownloadResponse(file, presentation);
  if (contentType !== undefined) source.headers.set("Content-Type", contentType);
  return source;
}
