import { open, stat, type FileHandle } from "node:fs/promises";

const chunkBytes = 256 * 1024;
/** Our lines are shorter: longer ones are skipped. */
const maxLineBytes = 64 * 1024;
const lineFeed = 0x0a;

/** Milliseconds for which a log that was replaced is read on: its server may take time to open the new one. */
const patience = 60_000;

/**
 * Reads the lines that are appended to a file. It follows a file that was renamed and made anew, and a file that was
 * truncated. A server writes to the old one until it is told to open the new one, so both are read for a minute. A file
 * that is missing is one that has no lines yet.
 */
export class LogTail {
  readonly #path: string;
  #current: OpenLog | undefined;
  #replaced: OpenLog | undefined;
  /** When a line of the replaced file was last read. */
  #replacedAt = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    await this.close();
    this.#current = await this.#opened();
    await this.#current?.skip();
  }

  async read(): Promise<readonly string[]> {
    const lines: string[] = [];
    await this.#readReplaced(lines);
    this.#current ??= await this.#opened();
    while (this.#current) {
      await this.#current.read(lines);
      if (!(await this.#current.isReplacedAt(this.#path))) break;
      // What was appended between the last read and the rename.
      await this.#current.read(lines);
      await this.#replaced?.close();
      this.#replaced = this.#current;
      this.#replacedAt = performance.now();
      this.#current = undefined;
      this.#current = await this.#opened();
    }
    return lines;
  }

  async #readReplaced(lines: string[]): Promise<void> {
    const replaced = this.#replaced;
    if (!replaced) return;
    const before = lines.length;
    await replaced.read(lines);
    const now = performance.now();
    if (lines.length > before) this.#replacedAt = now;
    if (now - this.#replacedAt < patience) return;
    this.#replaced = undefined;
    await replaced.close();
  }

  async close(): Promise<void> {
    const open = [this.#current, this.#replaced];
    this.#current = undefined;
    this.#replaced = undefined;
    for (const log of open) await log?.close();
  }

  async #opened(): Promise<OpenLog | undefined> {
    try {
      return new OpenLog(await open(this.#path, "r"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

/** A file of the log, also when it has another name by now. */
class OpenLog {
  readonly #handle: FileHandle;
  #position = 0;
  /** The bytes of a line that has no end yet. */
  #rest: Buffer = Buffer.alloc(0);
  #isSkipping = false;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async skip(): Promise<void> {
    this.#position = (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async isReplacedAt(path: string): Promise<boolean> {
    const own = await this.#handle.stat();
    const current = await stat(path).catch(() => undefined);
    // Missing: it was renamed, and the server has not yet made another.
    return current !== undefined && (current.ino !== own.ino || current.dev !== own.dev);
  }

  async read(lines: string[]): Promise<void> {
    if ((await this.#handle.stat()).size < this.#position) {
      this.#position = 0;
      this.#rest = Buffer.alloc(0);
      this.#isSkipping = false;
    }
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.#position);
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
