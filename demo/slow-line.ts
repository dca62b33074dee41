import { setTimeout } from "node:timers/promises";
import type {
  ByteRange,
  DownloadFile,
  DownloadMiddleware,
  FileStat,
  OpenFile,
  OpenOptions,
  StatOptions,
} from "downloadview";

const bytesPerSecond = 2_000_000;

/** Middleware that swaps the file of a response: with `?line=slow` it arrives as over a slow line, bit by bit. */
export const slowLine: DownloadMiddleware = (response, request) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  if (searchParams.get("line") === "slow") response.file = new SlowFile(response.file);
  return response;
};

class SlowFile implements DownloadFile {
  readonly name: string;
  readonly #file: DownloadFile;

  constructor(file: DownloadFile) {
    this.name = file.name;
    this.#file = file;
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.#file.stat(options);
  }

  async open(options?: OpenOptions): Promise<OpenFile> {
    const opened = await this.#file.open(options);
    return {
      stat: opened.stat,
      read: (range) => slowly(opened, range),
      close: () => opened.close(),
      [Symbol.asyncDispose]: () => opened.close(),
    };
  }
}

async function* slowly(opened: OpenFile, range?: ByteRange): AsyncGenerator<Uint8Array> {
  for await (const chunk of opened.read(range)) {
    await setTimeout((chunk.byteLength / bytesPerSecond) * 1000);
    yield chunk;
  }
}
