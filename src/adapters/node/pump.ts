import type { ServerResponse } from "node:http";
import { IncompleteBodyError } from "../../errors.ts";
import type { OpenFile } from "../../files/download-file.ts";
import { mostAbsorbed, patience, wantedBytes } from "../chunk-budget.ts";
import { borrowBuffer, returnBuffer } from "./buffer-pool.ts";
import { Turns } from "./turns.ts";

/** A file that fills the buffers it is given. */
export type PumpableFile = OpenFile & Required<Pick<OpenFile, "readInto">>;

/** Whether a file can go to a response by {@link pump}. */
export function isPumpable(file: OpenFile, response: ServerResponse): file is PumpableFile {
  return file.readInto !== undefined && isPlain(response);
}

// Asked of the process rather than imported: what runs on Node alone is also reached from modules that run anywhere.
const Plain = process.getBuiltinModule("node:http").ServerResponse;

// A middleware that replaced `write`, to compress or to log, may keep a chunk for as long as it likes. HTTP/2 does.
function isPlain(response: ServerResponse): boolean {
  return response instanceof Plain && response.write === Plain.prototype.write;
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
 * Reads at a time, of all transfers together: enough to keep Node's threads busy. A buffer that was lent to a read which
 * waits in line behind sixty others would be one less for those that go, and out of the processor's cache when its turn comes.
 */
const reads = new Turns(2 * (Number(process.env["UV_THREADPOOL_SIZE"]) || 4));

/**
 * Sends a part of a file, and ends the response. One recycled buffer at a time goes from the disk to the socket; the next
 * is filled when the kernel has taken the last one, so a reader that stalls holds one buffer and no more.
 * @throws {IncompleteBodyError} where the file is shorter than that
 */
export async function pump(file: PumpableFile, response: ServerResponse, transfer: Transfer): Promise<void> {
  const { start, length } = transfer;
  let keepsUp = false;
  for (let position = start; position < start + length;) {
    const { count, drain } = await sendChunk(file, response, transfer, position, keepsUp);
    if (response.destroyed) return;
    position += count;
    keepsUp = drain > 0 ? drain < patience : keepsUp || position - start > mostAbsorbed;
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
  keepsUp: boolean,
): Promise<SentChunk> {
  const left = start + length - position;
  const wanted = wantedBytes(left, keepsUp);
  await reads.enter();
  if (response.destroyed) {
    reads.leave();
    return { count: 0, drain: 0 };
  }
  const buffer = borrowBuffer(wanted, keepsUp);
  // While somebody else has the buffer it is not ours to reuse, and a failure may leave it so.
  let ours = false;
  try {
    const target = buffer.subarray(0, Math.min(wanted, buffer.byteLength));
    const count = await readInTurn(file, target, position, target.byteLength === left);
    ours = true;
    if (response.destroyed) return { count, drain: 0 };
    if (count === 0) throw new IncompleteBodyError(`The source ended ${left} bytes early`);
    if (position === start) onStart();
    ours = false;
    onSent(count);
    const drain = await writeNow(response, buffer.subarray(0, count), count === left);
    // Of a connection that is closed nothing is sent any more either.
    ours = true;
    return { count, drain };
  } finally {
    returnBuffer(buffer, ours);
  }
}

async function readInTurn(file: PumpableFile, target: Uint8Array, position: number, isLast: boolean): Promise<number> {
  try {
    return await file.readInto(target, position, isLast);
  } finally {
    reads.leave();
  }
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
