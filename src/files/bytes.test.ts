import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ByteReader, collectBytes, isOneShot, readBytes, releaseSource, sliceChunks, toBytes } from "./bytes.ts";

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield toBytes(text);
}

async function textsOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
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

it("collectBytes copies, also chunks whose memory is used again", async () => {
  const chunk = new Uint8Array(1);
  const counting = function* (): Generator<Uint8Array> {
    for (const value of [1, 2, 3]) yield chunk.fill(value);
  };
  expect(await collectBytes(counting())).toEqual(Uint8Array.of(1, 2, 3));
});
