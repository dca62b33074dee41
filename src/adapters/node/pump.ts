import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { allocate, copyOf } from "../../files/bytes.ts";
import { endedEarly, type SeekableContent } from "../../files/content.ts";
import { chunkSizes, mostAbsorbed, patience, returnLarge, takeLarge, wantedBytes } from "../chunk-budget.ts";
import { Semaphore } from "../../semaphore.ts";
import { borrowBuffer, returnBuffer } from "./buffer-pool.ts";
import { trustedSocket } from "./trusted-socket.ts";
import { turnFor } from "./turn-budget.ts";

/** The writer of a response, as far as the pump needs it. */
export interface ChunkWriter {
  readonly response: ServerResponse;
  /** Whether nothing more can be written. */
  readonly isOver: boolean;
  /** Writes memory that may be filled again once this resolves with `"reusable"`. With false, the client left. */
  writeTrusted(chunk: Uint8Array, socket: Socket, isLast: boolean): Promise<boolean | "reusable">;
  /** Writes memory that the response may keep. False if the client left. */
  write(chunk: Uint8Array): Promise<boolean> | true;
}

/**
 * Reads at a time, of all transfers together: enough to keep Node's threads busy. A buffer that waits for its read behind
 * sixty others is missing elsewhere, and has left the processor's cache when its turn comes.
 */
const reads = new Semaphore(2 * (Number(process.env["UV_THREADPOOL_SIZE"]) || 4));

/**
 * Sends content from a disk, and ends the response with its last chunk if it can. One buffer at a time goes from the disk to
 * the socket; the next is filled when the connection has taken the last one. So a client that stalls pins one buffer.
 * @returns false if the client left
 * @throws {IncompleteBodyError} if the file is shorter than the content
 */
export async function pump(content: SeekableContent, writer: ChunkWriter, onStart: () => void): Promise<boolean> {
  let keepsUp = false;
  for (let position = 0; position < content.length;) {
    const sent = await sendChunk({ content, writer, onStart, position, keepsUp });
    if (sent === undefined) return false;
    position += sent.count;
    keepsUp = sent.drain > 0 ? sent.drain < patience : keepsUp || position > mostAbsorbed;
  }
  return true;
}

interface SentChunk {
  readonly count: number;
  /** How long the connection took to accept it, in milliseconds; 0 if it had room for it at once. */
  readonly drain: number;
}

interface NextChunk {
  readonly content: SeekableContent;
  readonly writer: ChunkWriter;
  /** Called when there is a first chunk, before it is written. */
  readonly onStart: () => void;
  readonly position: number;
  /** Whether the client has proved to take what it is sent. */
  readonly keepsUp: boolean;
}

/** Sends a chunk. Undefined if the client left. */
async function sendChunk(next: NextChunk): Promise<SentChunk | undefined> {
  const { content, writer, position, keepsUp } = next;
  const wanted = wantedBytes(content.length - position, keepsUp);
  await reads.enter();
  if (writer.isOver) {
    reads.leave();
    return undefined;
  }
  return trustedSocket(writer.response) ? sendRecycled(next, wanted) : sendFresh(next, wanted);
}

async function sendRecycled(next: NextChunk, wanted: number): Promise<SentChunk | undefined> {
  const { content, writer, onStart, position, keepsUp } = next;
  const borrowed = borrowBuffer(wanted, keepsUp);
  const { buffer, size } = borrowed;
  // While the file system or a connection has the buffer it is not ours to reuse, and a failure may leave it so.
  let isOurs = false;
  try {
    const count = await readInTurn(content, buffer.subarray(0, Math.min(wanted, size)), position);
    isOurs = true;
    const turn = turnFor(count);
    if (turn) await turn;
    if (writer.isOver) return undefined;
    if (position === 0) onStart();
    // Asked now: the methods may have been replaced since the buffer was borrowed, by `onStart` or meanwhile.
    const socket = trustedSocket(writer.response);
    if (!socket) return await send(writer, copyOf(buffer.subarray(0, count)));
    isOurs = false;
    const since = performance.now();
    const taking = writer.writeTrusted(buffer.subarray(0, count), socket, position + count === content.length);
    const isAbsorbed = writer.response.writableLength === 0;
    const taken = await taking;
    isOurs = taken === "reusable";
    if (!taken) return undefined;
    return { count, drain: isAbsorbed ? 0 : performance.now() - since };
  } finally {
    returnBuffer(borrowed, isOurs);
  }
}

/** For a response that may keep what it is given: each chunk is memory of its own. */
async function sendFresh(next: NextChunk, wanted: number): Promise<SentChunk | undefined> {
  const { content, writer, onStart, position, keepsUp } = next;
  const isLarge = wanted > chunkSizes.small && takeLarge(keepsUp);
  try {
    const room = Math.min(wanted, isLarge ? chunkSizes.large : chunkSizes.small);
    const buffer = allocate(room);
    const count = await readInTurn(content, buffer, position);
    if (writer.isOver) return undefined;
    if (position === 0) onStart();
    return await send(writer, buffer.subarray(0, count));
  } finally {
    if (isLarge) returnLarge();
  }
}

async function send(writer: ChunkWriter, bytes: Uint8Array): Promise<SentChunk | undefined> {
  const since = performance.now();
  const writing = writer.write(bytes);
  if (writing === true) return { count: bytes.byteLength, drain: 0 };
  return (await writing) ? { count: bytes.byteLength, drain: performance.now() - since } : undefined;
}

async function readInTurn(content: SeekableContent, target: Uint8Array, position: number): Promise<number> {
  try {
    const count = await content.readInto(target, position);
    if (count === 0) throw endedEarly(content.length - position);
    return count;
  } finally {
    reads.leave();
  }
}
