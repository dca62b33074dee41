/** A piece of a file: text is encoded as UTF-8. */
export type Chunk = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

const encoder = new TextEncoder();

/**
 * The bytes of one chunk. Those of a view are not copied, unless its memory is shared with another thread.
 * @throws {TypeError} for anything but text and bytes
 */
export function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return unshared(chunk);
  if (ArrayBuffer.isView(chunk)) return unshared(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  if (isArrayBuffer(chunk)) return unshared(new Uint8Array(chunk));
  throw new TypeError(`A chunk of a file must be text or bytes, not ${kindOf(chunk)}`);
}

// Another thread may change shared memory at any time, and Web Crypto, `Response` and sockets refuse it.
function unshared(bytes: Uint8Array): Uint8Array {
  const isShared = typeof SharedArrayBuffer !== "undefined" && bytes.buffer instanceof SharedArrayBuffer;
  return isShared ? new Uint8Array(bytes) : bytes;
}

/** Whether a source is in memory already: text or bytes, not a `Blob`. */
export function isChunk(source: unknown): source is Chunk {
  return typeof source === "string" || ArrayBuffer.isView(source) || isArrayBuffer(source);
}

// By its tag: a buffer may come from another realm, such as a test runner's or a worker's.
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}

/** What a value is, for messages about one that has no bytes. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

/** One array of all the bytes: a copy, unless there is one chunk only. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const all = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.byteLength, 0));
  let position = 0;
  for (const chunk of chunks) {
    all.set(chunk, position);
    position += chunk.byteLength;
  }
  return all;
}

// Node, Bun and Deno have memory that is not set to zero first. Code on them expects a Buffer of a chunk, too.
const { Buffer } = globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array } };

/** Memory that nothing else is in: a consumer may transfer the buffer of a chunk, and with it all that it holds. */
export function allocate(size: number): Uint8Array {
  return Buffer ? Buffer.allocUnsafeSlow(size) : new Uint8Array(size);
}

/**
 * A copy, for a consumer that may change it: a stream that encrypts in place would otherwise change the file that the
 * next client gets. `slice()` does not do: of a Node `Buffer` it is a view of the same memory.
 */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = allocate(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
