import { IncompleteBodyError } from "../../errors.ts";
import type { OpenFile } from "../../files/download-file.ts";
import { allocate, copyOf } from "../../files/bytes.ts";
import { chunkSizes, mostAbsorbed, patience, returnLarge, takeLarge, wantedBytes } from "../chunk-budget.ts";
import { borrowBuffer, returnBuffer } from "./buffer-pool.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { trustedSocket } from "./trusted-socket.ts";
import { Turns } from "./turns.ts";

/** A file that fills the buffers it is given. */
export type PumpableFile = OpenFile & Required<Pick<OpenFile, "readInto">>;

export interface Transfer {
  /** The position of the first byte. */
  readonly start: number;
  /** How many bytes to send. */
  readonly length: number;
  /** Called when there is a first chunk, before it is written. */
  onStart(): void;
}

/**
 * Reads at a time, of all transfers together: enough to keep Node's threads busy. A buffer that was lent to a read which
 * waits in line behind sixty others would be one less for those that go, and out of the processor's cache when its turn comes.
 */
const reads = new Turns(2 * (Number(process.env["UV_THREADPOOL_SIZE"]) || 4));

/**
 * Sends a part of a file. One buffer at a time goes from the disk to the socket; the next is filled when the connection has
 * taken the last one, so a reader that stalls holds one buffer and no more. Resolves with false if the client left.
 * @throws {IncompleteBodyError} where the file is shorter than that
 */
export async function pump(file: PumpableFile, writer: ResponseWriter, transfer: Transfer): Promise<boolean> {
  const { start, length } = transfer;
  let keepsUp = false;
  for (let position = start; position < start + length;) {
    const sent = await sendChunk(file, writer, transfer, position, keepsUp);
    if (sent === undefined) return false;
    position += sent.count;
    keepsUp = sent.drain > 0 ? sent.drain < patience : keepsUp || position - start > mostAbsorbed;
  }
  return true;
}

interface SentChunk {
  readonly count: number;
  /** How long the connection took to accept it, in milliseconds; 0 if it had room for it at once. */
  readonly drain: number;
}

/** Sends a chunk. Undefined if the client left. */
async function sendChunk(
  file: PumpableFile,
  writer: ResponseWriter,
  transfer: Transfer,
  position: number,
  keepsUp: boolean,
): Promise<SentChunk | undefined> {
  const wanted = wantedBytes(transfer.start + transfer.length - position, keepsUp);
  await reads.enter();
  if (writer.isOver) {
    reads.leave();
    return undefined;
  }
  return trustedSocket(writer.response)
    ? sendRecycled(file, writer, transfer, position, wanted, keepsUp)
    : sendFresh(file, writer, transfer, position, wanted, keepsUp);
}

async function sendRecycled(
  file: PumpableFile,
  writer: ResponseWriter,
  transfer: Transfer,
  position: number,
  wanted: number,
  keepsUp: boolean,
): Promise<SentChunk | undefined> {
  const borrowed = borrowBuffer(wanted, keepsUp);
  const { buffer, size } = borrowed;
  // While the file system or a connection has the buffer it is not ours to reuse, and a failure may leave it so.
  let isOurs = false;
  try {
    const count = await readInTurn(file, buffer.subarray(0, Math.min(wanted, size)), position, transfer);
    isOurs = true;
    if (writer.isOver) return undefined;
    if (position === transfer.start) transfer.onStart();
    // Asked now: the methods may have been replaced since the buffer was borrowed, by `onStart` or meanwhile.
    const socket = trustedSocket(writer.response);
    if (!socket) return await send(writer, copyOf(buffer.subarray(0, count)));
    isOurs = false;
    const since = performance.now();
    const taking = writer.writeTrusted(buffer.subarray(0, count), socket);
    const isAbsorbed = writer.response.writableLength === 0;
    if (!(await taking)) return undefined;
    // And once more: what replaced a method while the chunk was on its way may have got it.
    isOurs = trustedSocket(writer.response) === socket;
    return { count, drain: isAbsorbed ? 0 : performance.now() - since };
  } finally {
    returnBuffer(borrowed, isOurs);
  }
}

/** For a response that may keep what it is given: each chunk is memory of its own. */
async function sendFresh(
  file: PumpableFile,
  writer: ResponseWriter,
  transfer: Transfer,
  position: number,
  wanted: number,
  keepsUp: boolean,
): Promise<SentChunk | undefined> {
  const isLarge = wanted > chunkSizes.small && takeLarge(keepsUp);
  try {
    const room = Math.min(wanted, isLarge ? chunkSizes.large : chunkSizes.small);
    const buffer = allocate(room);
    const count = await readInTurn(file, buffer, position, transfer);
    if (writer.isOver) return undefined;
    if (position === transfer.start) transfer.onStart();
    return await send(writer, buffer.subarray(0, count));
  } finally {
    if (isLarge) returnLarge();
  }
}

async function send(writer: ResponseWriter, bytes: Uint8Array): Promise<SentChunk | undefined> {
  const since = performance.now();
  const writing = writer.write(bytes);
  if (writing === true) return { count: bytes.byteLength, drain: 0 };
  return (await writing) ? { count: bytes.byteLength, drain: performance.now() - since } : undefined;
}

async function readInTurn(
  file: PumpableFile,
  target: Uint8Array,
  position: number,
  { start, length }: Transfer,
): Promise<number> {
  const left = start + length - position;
  try {
    const count = await file.readInto(target, position, target.byteLength === left);
    if (count === 0) throw new IncompleteBodyError(`The source ended ${left} bytes early`);
    return count;
  } finally {
    reads.leave();
  }
}
