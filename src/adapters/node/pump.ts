import { ServerResponse } from "node:http";
import { IncompleteBodyError } from "../../errors.ts";
import type { OpenFile } from "../../files/download-file.ts";
import { borrowBuffer, chunkSizes, returnBuffer } from "./buffer-pool.ts";

/** A file that fills the buffers it is given. */
export type PumpableFile = OpenFile & Required<Pick<OpenFile, "readInto">>;

/** Whether a file can go to a response by {@link pump}. */
export function isPumpable(file: OpenFile, response: ServerResponse): file is PumpableFile {
  return file.readInto !== undefined && isPlain(response);
}

// A middleware that replaced `write`, to compress or to log, may keep a chunk for as long as it likes. HTTP/2 does.
function isPlain(response: ServerResponse): boolean {
  return response instanceof ServerResponse && response.write === ServerResponse.prototype.write;
}

export interface Transfer {
  /** The position of the first byte. */
  readonly start: number;
  /** How many bytes to send. */
  readonly length: number;
  /** Called when there is a first chunk, before it is written. */
  onStart(): void;
  /** Called with the length of each chunk that was handed over. */
  onSent(bytes: number): void;
}

/**
 * Sends a part of a file, and ends the response. One recycled buffer at a time goes from the disk to the socket; the next
 * is filled when the kernel has taken the last one, so a reader that stalls holds one buffer and no more.
 * @throws {IncompleteBodyError} where the file is shorter than that
 */
export async function pump(file: PumpableFile, response: ServerResponse, transfer: Transfer): Promise<void> {
  const { start, length } = transfer;
  const end = start + length;
  let size = chunkSizes.first;
  for (let position = start; position < end;) {
    const { count, drain } = await sendChunk(file, response, transfer, position, Math.min(end - position, size));
    if (response.destroyed) return;
    position += count;
    size = nextSize(size, drain);
  }
}

interface SentChunk {
  readonly count: number;
  /** How long the kernel took to accept it, in milliseconds; 0 if it had room for it at once. */
  readonly drain: number;
}

async function sendChunk(
  file: PumpableFile,
  response: ServerResponse,
  { start, length, onStart, onSent }: Transfer,
  position: number,
  wanted: number,
): Promise<SentChunk> {
  const buffer = borrowBuffer(sizeFor(wanted));
  // While somebody else has the buffer it is not ours to reuse, and a failure may leave it so.
  let ours = false;
  try {
    const count = await file.readInto(buffer.subarray(0, Math.min(wanted, buffer.byteLength)), position);
    ours = true;
    if (response.destroyed) return { count, drain: 0 };
    if (count === 0) throw new IncompleteBodyError(`The source ended ${start + length - position} bytes early`);
    if (position === start) onStart();
    ours = false;
    onSent(count);
    const drain = await writeNow(response, buffer.subarray(0, count), position + count === start + length);
    ours = !response.destroyed;
    return { count, drain };
  } finally {
    returnBuffer(buffer, ours);
  }
}

function sizeFor(wanted: number): number {
  const { smallest, first, largest } = chunkSizes;
  for (let size = smallest; size < largest; size *= 2) if (wanted <= size) return size;
  return Math.max(largest, first);
}

/**
 * Hands `bytes` to the kernel now: outside of a cork, Node keeps what is written until the end of the turn. Settles when
 * the kernel has all of it, or the connection is gone.
 */
function writeNow(response: ServerResponse, bytes: Uint8Array, last: boolean): Promise<number> | number {
  const since = performance.now();
  let settle: (() => void) | undefined;
  const taken = (): void => settle?.();
  if (last) {
    response.end(bytes, taken);
  } else {
    response.cork();
    response.write(bytes, taken);
    response.uncork();
  }
  if (response.writableLength === 0) return 0;
  return new Promise((resolve) => {
    settle = () => {
      response.off("close", taken);
      resolve(performance.now() - since);
    };
    response.once("close", taken);
  });
}

const fast = 20;

/**
 * Larger chunks cost less, and pin more for a reader that stalls. That the kernel took a chunk at once proves nothing, its
 * buffer may have been empty; that it drained one quickly does.
 */
function nextSize(size: number, drain: number): number {
  if (drain === 0) return size;
  return drain < fast ? Math.min(size * 2, chunkSizes.largest) : Math.max(size / 2, chunkSizes.smallest);
}
