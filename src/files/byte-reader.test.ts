import { Readable } from "node:stream";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ByteReader, collectBytes, readBytes, releaseSource, sliceChunks } from "./byte-reader.ts";
import { isOneShot, type ByteSource } from "./byte-source.ts";
import { toBytes, type Chunk } from "./bytes.ts";

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield toBytes(text);
}

async function textsOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(new TextDecoder().decode(chunk));
  return texts;
}

describe("isOneShot", () => {
  it.each([
    ["text", "abc", false],
    ["bytes", new Uint8Array(1), false],
    ["a Blob", new Blob(), false],
    ["an array", ["a"], false],
    ["a set", new Set("a"), false],
    ["an iterator", new Set("a").values(), true],
    ["a generator object", (function* () {})(), true],
    ["an async generator object", (async function* () {})(), true],
    ["a web stream", new ReadableStream(), true],
    ["a Node stream", Readable.from([]), true],
  ])("tells whether %s can be read again", (_, source, once) => {
    expect(isOneShot(source as never)).toBe(once);
  });
});

describe("sliceChunks", () => {
  it.each([
    [{ start: 0, end: 9 }, ["0123", "45", "6789"]],
    [{ start: 0, end: 0 }, ["0"]],
    [{ start: 3, end: 4 }, ["3", "4"]],
    [{ start: 4, end: 5 }, ["45"]],
    [{ start: 9, end: 9 }, ["9"]],
    [{ start: 8, end: 20 }, ["89"]],
    [{ start: 10, end: 20 }, []],
  ])("gives %j", async (range, expected) => {
    expect(await textsOf(sliceChunks(chunksOf("0123", "45", "6789"), range))).toEqual(expected);
  });

  it("knows where chunks begin that begin later", async () => {
    expect(await textsOf(sliceChunks(chunksOf("45", "6789"), { start: 5, end: 7 }, 4))).toEqual(["5", "67"]);
  });

  it("pulls nothing after the last byte", async () => {
    const chunks = chunksOf("0123", "45", "6789");
    await textsOf(sliceChunks(chunks, { start: 1, end: 5 }));
    expect((await chunks.next()).done).toBe(true);
  });
});

describe("ByteReader", () => {
  it("gives no empty chunk: to a chunked body that is its end", async () => {
    expect(await textsOf(new ByteReader(["", "a", new Uint8Array(), "b", ""]))).toEqual(["a", "b"]);
  });

  it("is at its end for good", async () => {
    const reader = new ByteReader("a");
    await reader.next();
    expect([(await reader.next()).done, (await reader.next()).done]).toEqual([true, true]);
  });

  it("survives an iterator that throws when it is told to end", () => {
    const iterator = {
      [Symbol.iterator]: () => iterator,
      next: () => ({ done: false, value: "a" }),
      return: () => {
        throw new Error("never");
      },
    };
    expect(() => new ByteReader(iterator).close()).not.toThrow();
  });

  it("does not end an iterator that has ended", async () => {
    let returned = 0;
    const iterator = {
      [Symbol.iterator]: () => iterator,
      next: () => ({ done: true as const, value: undefined }),
      return: () => ({ done: true as const, value: ++returned as never }),
    };
    const reader = new ByteReader(iterator);
    await reader.next();
    reader.close();
    expect(returned).toBe(0);
  });
});

/** An iterator whose every step is taken by hand. */
class HandDriven implements AsyncIterableIterator<Chunk> {
  /** Pulls that were not answered yet. */
  readonly #pulls: { resolve(result: IteratorResult<Chunk>): void; reject(error: Error): void }[] = [];
  pulled = 0;

  next(): Promise<IteratorResult<Chunk>> {
    this.pulled += 1;
    return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
  }

  give(value: Chunk): void {
    this.#pulls.shift()!.resolve({ done: false, value });
  }

  end(): void {
    this.#pulls.shift()!.resolve({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#pulls.shift()!.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function gathering(source: ByteSource): ByteReader {
  return new ByteReader(source, { gathers: true });
}

async function sizesOf(chunks: AsyncIterable<Uint8Array>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of chunks) sizes.push(chunk.byteLength);
  return sizes;
}

function* repeated<T>(count: number, value: T): Generator<T> {
  for (let at = 0; at < count; at++) yield value;
}

async function* repeatedAsync<T>(count: number, value: T): AsyncGenerator<T> {
  yield* repeated(count, value);
}

describe("ByteReader that gathers", () => {
  const row = "x".repeat(64);
  const bytes = new Uint8Array(64);
  let now = 0;
  beforeEach(() => {
    now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    return () => vi.restoreAllMocks();
  });

  it.each<[string, () => ByteSource]>([
    ["rows of an array", () => [...repeated(2500, row)]],
    ["rows of a generator", () => repeated(2500, row)],
    ["rows of an async generator", () => repeatedAsync(2500, row)],
    ["rows of a Node stream", () => Readable.from(repeated(2500, row))],
    ["pieces of bytes", () => repeated(2500, bytes)],
    ["pieces of bytes that come asynchronously", () => repeatedAsync(2500, bytes)],
  ])("makes chunks of 64 KiB out of %s", async (_, make) => {
    const sizes = await sizesOf(gathering(make()));
    expect(sizes).toEqual([65_536, 65_536, 28_928]);
  });

  it("returns a row that is followed by none within the turn", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const first = reader.next();
    source.give("a,1\n");
    expect(await textsOf([(await first).value!])).toEqual(["a,1\n"]);
    expect(source.pulled).toBe(2);
    const second = reader.next();
    source.give("b,2\n");
    expect(await textsOf([(await second).value!])).toEqual(["b,2\n"]);
  });

  it("returns rows that come in the same turn in one chunk", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const chunk = reader.next();
    source.give("a,1\n");
    await Promise.resolve();
    source.give("b,2\n");
    expect(await textsOf([(await chunk).value!])).toEqual(["a,1\nb,2\n"]);
  });

  it("asks for nothing more while a chunk waits to be taken", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const first = reader.next();
    source.give("a");
    await first;
    source.give("b");
    await turn();
    await turn();
    expect(source.pulled).toBe(2);
    expect(await textsOf([(await reader.next()).value!])).toEqual(["b"]);
  });

  it("returns what came before an error, and then the error", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const chunk = reader.next();
    source.give("a");
    await Promise.resolve();
    source.fail(new Error("no more"));
    expect(await textsOf([(await chunk).value!])).toEqual(["a"]);
    await expect(reader.next()).rejects.toThrow("no more");
  });

  it("returns what came before the end, and then the end", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const chunk = reader.next();
    source.give("a");
    await Promise.resolve();
    source.end();
    expect(await textsOf([(await chunk).value!])).toEqual(["a"]);
    expect((await reader.next()).done).toBe(true);
  });

  it("fails at once when it is closed, with what was gathered or without", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const chunk = reader.next();
    source.give("a");
    await Promise.resolve();
    reader.close(new Error("gone"));
    await expect(chunk).rejects.toThrow("gone");
    expect((await reader.next()).done).toBe(true);
  });

  it("copies pieces whose memory is used again for the next one", async () => {
    const piece = new Uint8Array(1);
    const counting = function* (): Generator<Uint8Array> {
      for (const value of [1, 2, 3]) yield piece.fill(value);
    };
    expect((await gathering(counting()).next()).value).toEqual(Buffer.of(1, 2, 3));
  });

  describe.each<[string, (pieces: Generator<Uint8Array>) => ByteSource]>([
    ["a generator", (pieces) => pieces],
    ["a web stream of a generator", streamOf],
  ])("of %s", (_, sourceOf) => {
    it.each([15_000, 16 * 1024, 40_000, 100_000])(
      "returns memory that the source does not fill again, of pieces of %i bytes",
      async (size) => {
        const piece = new Uint8Array(size);
        const counting = function* (): Generator<Uint8Array> {
          for (const value of [1, 2, 3, 4, 5, 6, 7, 8]) yield piece.fill(value);
        };
        const chunks: Uint8Array[] = [];
        // A socket keeps what it is given until the kernel takes it.
        for await (const chunk of gathering(sourceOf(counting()))) chunks.push(chunk);
        const sent = [1, 2, 3, 4, 5, 6, 7, 8].map((value) => Buffer.alloc(size, value));
        expect(Buffer.concat(chunks).equals(Buffer.concat(sent))).toBe(true);
      },
    );
  });

  it("returns a large piece as one chunk, and what came before it first", async () => {
    const large = new Uint8Array(16 * 1024);
    const chunks: Uint8Array[] = [];
    for await (const chunk of gathering(["a", large, "b", "c"])) chunks.push(chunk);
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([1, large.byteLength, 2]);
    // An array may be sent to others at the same time.
    expect(chunks[1]).not.toBe(large);
  });

  it("does not copy a large piece of a Node stream, which is no longer the stream's", async () => {
    const large = Buffer.alloc(16 * 1024);
    expect((await gathering(Readable.from([large])).next()).value).toBe(large);
  });

  it.each<[string, Chunk[], string]>([
    ["text and bytes in turn", ["a", toBytes("b"), "c", toBytes("d"), toBytes("e")], "abcde"],
    ["a surrogate pair that is cut", ["x\ud83d", "\ude00y"], "x😀y"],
    ["a half of one at the end", ["x\ud83d"], "x\ufffd"],
    ["a half of one before bytes", ["x\ud83d", toBytes("y")], "x\ufffdy"],
    ["nothing", ["", new Uint8Array(), ""], ""],
  ])("keeps every character and their order: %s", async (_, pieces, expected) => {
    expect((await textsOf(gathering(pieces))).join("")).toBe(expected);
  });

  it("holds back half a character alone while it waits for the other", async () => {
    const source = new HandDriven();
    const reader = gathering(source);
    const first = reader.next();
    source.give("x\ud83d");
    expect(await textsOf([(await first).value!])).toEqual(["x"]);
    const second = reader.next();
    source.give("\ude00");
    expect(await textsOf([(await second).value!])).toEqual(["😀"]);
  });

  it("lets the event loop turn while a source computes its rows without a pause", async () => {
    const turns: number[] = [];
    let rows = 0;
    const busy = function* (): Generator<string> {
      for (; rows < 3; rows++) {
        now += 4;
        setImmediate(() => turns.push(rows));
        yield "row";
      }
    };
    expect(await sizesOf(gathering(busy()))).toEqual([3, 3, 3]);
    expect(turns).toEqual([0, 1, 2]);
  });

  it("lets the event loop turn while a source and its reader are always ready", async () => {
    let turnedAt = -1;
    setImmediate(() => (turnedAt = now));
    const reader = gathering(repeated(10, new Uint8Array(64 * 1024)));
    for (let chunks = 0; chunks < 10; chunks++, now += 1) await reader.next();
    expect(turnedAt).toBe(4);
  });
});

describe("readBytes", () => {
  it("fails with the reason of a signal that has aborted, and frees the source", async () => {
    let free!: (reason: unknown) => void;
    const freed = new Promise((resolve) => (free = resolve));
    const reading = textsOf(readBytes(new ReadableStream({ cancel: free }), AbortSignal.abort(new Error("gone"))));
    await expect(reading).rejects.toThrow("gone");
    await freed;
  });
});

describe("releaseSource", () => {
  it.each([
    ["what has no bytes", 7],
    ["text", "abc"],
    ["nothing", undefined],
  ])("takes no notice of %s", (_, source) => {
    expect(() => releaseSource(source)).not.toThrow();
  });

  it("leaves a web stream to whoever reads it", async () => {
    const stream = new Blob(["abc"]).stream();
    const reader = stream.getReader();
    releaseSource(stream);
    expect((await reader.read()).done).toBe(false);
  });
});

it("collectBytes copies a Buffer that is filled again, whose slice() is no copy", async () => {
  const memory = Buffer.alloc(1);
  const filling = async function* (): AsyncGenerator<Uint8Array> {
    for (const byte of [1, 2, 3]) yield memory.fill(byte);
  };
  expect([...(await collectBytes(filling()))]).toEqual([1, 2, 3]);
});

it("collectBytes copies, also chunks whose memory is used again", async () => {
  const chunk = new Uint8Array(1);
  const counting = function* (): Generator<Uint8Array> {
    for (const value of [1, 2, 3]) yield chunk.fill(value);
  };
  expect(await collectBytes(counting())).toEqual(Uint8Array.of(1, 2, 3));
});

/** As `ReadableStream.from()`, which the types of Node 20 lack. */
function streamOf(pieces: Generator<Uint8Array>): ReadableStream<Uint8Array> {
  const pull = (its: ReadableStreamDefaultController<Uint8Array>): void => {
    const { done, value } = pieces.next();
    if (done) its.close();
    else its.enqueue(value);
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}
