import { open, stat, type FileHandle } from "node:fs/promises";

const chunkBytes = 256 * 1024;
/** Longer lines are none of ours. */
const maxLineBytes = 64 * 1024;
const lineFeed = 0x0a;

/**
 * Reads the lines that are appended to a file. It follows a file that was renamed and made anew, to the last line of the
 * old one, and a file that was truncated. A file that is missing is one that has no lines yet.
 */
export class LogTail {
  readonly #path: string;
  #handle: FileHandle | undefined;
  #position = 0;
  /** The bytes of a line that has no end yet. */
  #rest: Buffer = Buffer.alloc(0);
  #isSkipping = false;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    await this.close();
    this.#handle = await this.#opened();
    this.#position = this.#handle ? (await this.#handle.stat()).size : 0;
  }

  async read(): Promise<readonly string[]> {
    const lines: string[] = [];
    this.#handle ??= await this.#opened();
    while (this.#handle) {
      await this.#readToEnd(this.#handle, lines);
      if (!(await this.#isReplaced(this.#handle))) break;
      // What was appended between the last read and the rename.
      await this.#readToEnd(this.#handle, lines);
      await this.close();
      this.#handle = await this.#opened();
    }
    return lines;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#begin();
    await handle?.close();
  }

  #begin(): void {
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
    this.#isSkipping = false;
  }

  async #opened(): Promise<FileHandle | undefined> {
    try {
      return await open(this.#path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #isReplaced(handle: FileHandle): Promise<boolean> {
    const own = await handle.stat();
    const current = await stat(this.#path).catch(() => undefined);
    // Missing: it was renamed, and the server has not yet made another.
    return current !== undefined && (current.ino !== own.ino || current.dev !== own.dev);
  }

  async #readToEnd(handle: FileHandle, lines: string[]): Promise<void> {
    if ((await handle.stat()).size < this.#position) this.#begin();
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      this.#split(buffer.subarray(0, bytesRead), lines);
    }
  }

  #split(bytes: Buffer, lines: string[]): void {
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
      const line = Buffer.concat([this.#rest, bytes.subarray(start, end)]);
      if (!this.#isSkipping && line.byteLength <= maxLineBytes) lines.push(line.toString());
      this.#rest = Buffer.alloc(0);
      this.#isSkipping = false;
      start = end + 1;
    }
    this.#isSkipping ||= this.#rest.byteLength + bytes.byteLength - start > maxLineBytes;
    this.#rest = this.#isSkipping ? Buffer.alloc(0) : Buffer.concat([this.#rest, bytes.subarray(start)]);
  }
}
