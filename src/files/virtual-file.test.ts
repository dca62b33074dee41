import { readOpened } from "./content.ts";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { IncompleteBodyError, SourceConsumedError } from "../errors.ts";
import { nginx } from "../offload/nginx/index.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { collectBytes } from "./byte-reader.ts";
import type { OpenFile } from "./download-file.ts";
import type { VirtualReadOptions } from "./virtual-file-content.ts";
import { VirtualFile, type VirtualFileOptions, type VirtualSource } from "./virtual-file.ts";

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

async function read(file: VirtualFile): Promise<string> {
  await using opened = await file.open();
  return await textOf(readOpened(opened));
}

const bytes = new TextEncoder().encode("häppy");

function webStream(...chunks: (string | Uint8Array)[]): ReadableStream<string | Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function* pieces(): Generator<string | Uint8Array> {
  yield "hä";
  yield new Uint8Array();
  yield new TextEncoder().encode("ppy");
}

async function* asyncPieces(): AsyncGenerator<string | Uint8Array> {
  yield* pieces();
}

const sources: Record<string, () => VirtualSource> = {
  text: () => "häppy",
  bytes: () => bytes,
  "an ArrayBuffer": () => bytes.buffer,
  "a DataView": () => new DataView(bytes.buffer),
  "a view into a larger buffer": () => new TextEncoder().encode("unhäppy").subarray(2),
  "a Blob": () => new Blob(["hä", "ppy"]),
  "a File": () => new File(["häppy"], "x"),
  "an array": () => [...pieces()],
  "a set": () => new Set(pieces()),
  "a generator object": pieces,
  "an async generator object": asyncPieces,
  "a web stream of bytes": () => webStream(bytes),
  "a web stream of text": () => webStream("hä", "ppy"),
  "a Node stream": () => Readable.from([bytes]),
  "a Node stream of text": () => Readable.from(["hä", "ppy"]),
  "a function that gives text": () => () => "häppy",
  "a function that gives a promise of bytes": () => async () => bytes,
  "a generator function": () => pieces,
  "an async generator function": () => asyncPieces,
  "a function that gives a web stream": () => () => webStream(bytes),
  "a function that gives a Node stream": () => () => Readable.from([bytes]),
};

describe("VirtualFile", () => {
  it.each(Object.entries(sources))("reads %s", async (_, make) => {
    expect(await read(new VirtualFile(make()))).toBe("häppy");
  });

  it.each(Object.entries(sources))("gives a range of %s", async (_, make) => {
    await using opened = await new VirtualFile(make()).open();
    expect(await textOf(readOpened(opened, { start: 3, end: 4 }))).toBe("pp");
  });

  it.each(Object.entries(sources))("reads %s twice, or says that it cannot", async (_, make) => {
    const file = new VirtualFile(make(), { size: 6 });
    const once = (await file.stat()).seekable === false;
    expect(await read(file)).toBe("häppy");
    if (once) await expect(read(file)).rejects.toThrow(SourceConsumedError);
    else expect(await read(file)).toBe("häppy");
  });

  it.each([
    ["null", null],
    ["a number", 7],
    ["a plain object", { text: "x" }],
  ])("refuses %s as a source", (_, source) => {
    expect(() => new VirtualFile(source as never)).toThrow(TypeError);
  });

  it.each([
    ["an iterable", () => ["a", 7]],
    ["a stream", () => Readable.from([{ row: 1 }])],
    ["what a function gives", () => () => 7],
  ])("fails on a chunk of %s that is neither text nor bytes", async (_, make) => {
    await expect(read(new VirtualFile(make() as never))).rejects.toThrow(/must be text/);
  });

  it("encodes a surrogate pair that two chunks share as one character", async () => {
    expect(await read(new VirtualFile(["\ud83d", "", "\ude00!", "\ud83d"]))).toBe("😀!\ufffd");
    expect(await read(new VirtualFile(["\ud83d", bytes]))).toBe("\ufffdhäppy");
  });

  it("says what it knows of text, with a strong tag made of the content", async () => {
    const stat = await new VirtualFile("häppy", { contentType: "text/plain" }).stat();
    expect(stat).toEqual({ size: 6, contentType: "text/plain", etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
    expect((await new VirtualFile(bytes).stat()).etag).toBe(stat.etag);
    expect((await new VirtualFile("happy!").stat()).etag).not.toBe(stat.etag);
  });

  it("makes different tags of large contents that differ in their last byte", async () => {
    const [one, other] = [new Uint8Array(3_000_000), new Uint8Array(3_000_000)];
    other[2_999_999] = 1;
    expect((await new VirtualFile(one).stat()).etag).not.toBe((await new VirtualFile(other).stat()).etag);
  });

  it("takes a tag that is given, or none", async () => {
    expect((await new VirtualFile("x", { etag: '"1"' }).stat()).etag).toBe('"1"');
    expect(await new VirtualFile("x", { etag: false }).stat()).toEqual({ size: 1 });
  });

  it("takes name, type, size and date of a File", async () => {
    const file = new VirtualFile(new File(["x"], "a.csv", { type: "text/csv", lastModified: 5000 }));
    expect(file.name).toBe("a.csv");
    expect(await file.stat()).toEqual({ size: 1, contentType: "text/csv", lastModified: new Date(5000) });
  });

  it("prefers what is said to what a File says", async () => {
    const source = new File(["x"], "a.csv", { type: "text/csv", lastModified: 5000 });
    const file = new VirtualFile(source, { name: "b.txt", contentType: "text/plain", lastModified: new Date(9000) });
    expect(file.name).toBe("b.txt");
    expect(await file.stat()).toMatchObject({ contentType: "text/plain", lastModified: new Date(9000) });
  });

  it("is seekable where it can be read again and its size is known", async () => {
    expect(await new VirtualFile(pieces).stat()).toEqual({ seekable: false });
    expect(await new VirtualFile(pieces, { size: 6 }).stat()).toEqual({ size: 6 });
    expect(await new VirtualFile(pieces(), { size: 6 }).stat()).toEqual({ size: 6, seekable: false });
  });

  it("asks whether it was modified where it is told how", () => {
    expect(new VirtualFile("x").wasModifiedSince).toBeUndefined();
    expect(new VirtualFile("x", { wasModifiedSince: () => false }).wasModifiedSince?.(new Date())).toBe(false);
  });

  it("has bytes at hand where they are in memory", async () => {
    const inMemory = await (await new VirtualFile("abc").open()).content();
    expect(inMemory).toEqual({ kind: "bytes", bytes: new TextEncoder().encode("abc") });
    expect((await (await new VirtualFile(() => "abc").open()).content()).kind).toBe("chunks");
  });

  it("calls a function when the content is read, not before", async () => {
    let calls = 0;
    const file = new VirtualFile(() => `call ${++calls}`, { size: 6 });
    await file.stat();
    const opened = await file.open();
    expect(calls).toBe(0);
    expect(await textOf(readOpened(opened))).toBe("call 1");
  });

  it("tells a function which range to give, where it gives ranges", async () => {
    const asked: VirtualReadOptions["range"][] = [];
    const substring = ({ range }: VirtualReadOptions): string => {
      asked.push(range);
      return "0123456789".slice(range?.start ?? 0, (range?.end ?? 9) + 1);
    };
    const opened = await new VirtualFile(substring, { size: 10, ranges: true }).open();
    expect(await textOf(readOpened(opened, { start: 3, end: 5 }))).toBe("345");
    expect(await textOf(readOpened(opened))).toBe("0123456789");
    expect(asked).toEqual([{ start: 3, end: 5 }, undefined]);
  });

  it("tells no range to a function that gives the whole", async () => {
    let told: VirtualReadOptions | undefined;
    const opened = await new VirtualFile((options) => ((told = options), "0123456789"), { size: 10 }).open();
    expect(await textOf(readOpened(opened, { start: 3, end: 5 }))).toBe("345");
    expect(told).not.toHaveProperty("range");
  });

  it("gives the error of a source to whoever reads it", async () => {
    const failing = async function* (): AsyncGenerator<string> {
      yield "a";
      throw new Error("no more");
    };
    await expect(read(new VirtualFile(failing))).rejects.toThrow("no more");
  });

  it("keeps the error of a Node stream that fails before it is read", async () => {
    const stream = createReadStream("/nonexistent/file");
    const file = new VirtualFile(stream);
    await new Promise<void>((resolve) => stream.once("close", () => resolve()));
    await expect(read(file)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A source that gives one chunk, then nothing, and tells when it is freed. */
interface Stuck {
  source: VirtualSource;
  freed: Promise<unknown>;
}

function stuckIterator(): Stuck {
  const { promise, resolve } = deferred<unknown>();
  let pulls = 0;
  const iterator: AsyncIterableIterator<string> = {
    next: () => (pulls++ === 0 ? Promise.resolve({ done: false, value: "a" }) : new Promise(() => {})),
    return: () => (resolve("return"), new Promise(() => {})),
    [Symbol.asyncIterator]: () => iterator,
  };
  return { source: iterator, freed: promise };
}

function stuckWebStream(): Stuck {
  const { promise, resolve } = deferred<unknown>();
  const source = new ReadableStream<string>({
    start: (controller) => controller.enqueue("a"),
    pull: () => new Promise(() => {}),
    cancel: resolve,
  });
  return { source, freed: promise };
}

function stuckNodeStream(): Stuck {
  const source = new Readable({ read() {} });
  source.push("a");
  return { source, freed: once(source, "close") };
}

function stuckFunction(): Stuck {
  const { promise, resolve } = deferred<unknown>();
  const source = async function* ({ signal }: VirtualReadOptions): AsyncGenerator<string> {
    signal.addEventListener("abort", resolve);
    yield "a";
    await new Promise(() => {});
  };
  return { source, freed: promise };
}

const stuckSources = {
  "an iterator": stuckIterator,
  "a web stream": stuckWebStream,
  "a Node stream": stuckNodeStream,
};

async function readTwice(opened: OpenFile): Promise<{ pending: Promise<unknown> }> {
  const chunks = readOpened(opened)[Symbol.asyncIterator]();
  await chunks.next();
  return { pending: chunks.next() };
}

describe("Closing a VirtualFile", () => {
  it.each(Object.entries({ ...stuckSources, "a function": stuckFunction }))(
    "frees %s at once while a chunk is awaited, and fails the read",
    async (_, make) => {
      const { source, freed } = make();
      const opened = await new VirtualFile(source).open();
      const { pending } = await readTwice(opened);
      const failure = expect(pending).rejects.toThrow(IncompleteBodyError);
      await opened.close();
      await failure;
      await freed;
    },
  );

  it.each(Object.entries(stuckSources))("frees %s that nobody has read", async (_, make) => {
    const { source, freed } = make();
    const opened = await new VirtualFile(source).open();
    await opened.close();
    await freed;
    await expect(textOf(readOpened(opened))).rejects.toThrow(IncompleteBodyError);
  });

  it.each(Object.entries(stuckSources))("frees %s that nobody has opened, on release()", async (_, make) => {
    const { source, freed } = make();
    const file = new VirtualFile(source);
    await file.release();
    await file.release();
    await freed;
    await expect(file.open()).rejects.toThrow(SourceConsumedError);
  });

  it.each(Object.entries({ ...stuckSources, "a function": stuckFunction }))(
    "frees %s when the signal of the request aborts",
    async (_, make) => {
      const { source, freed } = make();
      const client = new AbortController();
      const opened = await new VirtualFile(source).open({ signal: client.signal });
      const { pending } = await readTwice(opened);
      const failure = expect(pending).rejects.toThrow("gone");
      client.abort(new Error("gone"));
      await failure;
      await freed;
    },
  );

  it("frees a source whose reader stops early", async () => {
    const { source, freed } = stuckIterator();
    const opened = await new VirtualFile(source).open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    await chunks.return(undefined);
    await freed;
  });

  it("does not wait for a function that never answers", async () => {
    const called = deferred<void>();
    const opened = await new VirtualFile(() => (called.resolve(), new Promise<string>(() => {}))).open();
    const failure = expect(textOf(readOpened(opened))).rejects.toThrow(IncompleteBodyError);
    await called.promise;
    await opened.close();
    await failure;
  });

  it("frees the stream that a function gives too late", async () => {
    const { source, freed } = stuckWebStream();
    const answer = deferred<ReadableStream<string>>();
    const called = deferred<void>();
    const opened = await new VirtualFile(() => (called.resolve(), answer.promise)).open();
    const failure = expect(textOf(readOpened(opened))).rejects.toThrow(IncompleteBodyError);
    await called.promise;
    await opened.close();
    answer.resolve(source as ReadableStream<string>);
    await Promise.all([failure, freed]);
  });

  it("may be done twice, and leaves no listener on the signal", async () => {
    const signal = new AbortController().signal;
    const listeners = countListeners(signal);
    const opened = await new VirtualFile(() => "abc").open({ signal });
    expect(listeners()).toBe(1);
    expect(await textOf(readOpened(opened))).toBe("abc");
    await opened.close();
    await opened.close();
    expect(listeners()).toBe(0);
  });
});

function countListeners(signal: AbortSignal): () => number {
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args as never);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args as never);
  };
  return () => listeners.size;
}

describe("a stream that was read already", () => {
  async function readWeb(): Promise<ReadableStream<Uint8Array>> {
    const stream = new Blob(["hello"]).stream();
    const reader = stream.getReader();
    while (!(await reader.read()).done);
    reader.releaseLock();
    return stream;
  }

  async function readNode(): Promise<Readable> {
    const stream = Readable.from(["hello"]);
    await stream.toArray();
    return stream;
  }

  it.each<[string, () => Promise<VirtualSource>]>([
    ["a web stream", readWeb],
    ["a Node stream", readNode],
    ["a Node stream that was destroyed", async () => Readable.from(["hello"]).destroy()],
    [
      "a web stream that has a reader",
      async () => {
        const stream = new Blob(["hello"]).stream();
        stream.getReader();
        return stream;
      },
    ],
  ])("is an error, not an empty file: %s", async (_name, make) => {
    await expect(new VirtualFile(await make()).open()).rejects.toBeInstanceOf(SourceConsumedError);
  });

  it.each<[string, () => VirtualSource]>([
    ["a web stream", () => new Blob([]).stream()],
    ["a web stream that is closed", () => new ReadableStream({ start: (controller) => controller.close() })],
    ["a Node stream", () => Readable.from([])],
  ])("is not taken for one that is empty: %s", async (_name, make) => {
    const opened = await new VirtualFile(make()).open();
    expect(await collectBytes(readOpened(opened))).toEqual(new Uint8Array());
    await opened.close();
  });

  it("is served from where its reader stopped", async () => {
    const stream = Readable.from(["head ", "tail"]);
    await once(stream, "readable");
    stream.read();
    const opened = await new VirtualFile(stream).open();
    expect(new TextDecoder().decode(await collectBytes(readOpened(opened)))).toBe("tail");
    await opened.close();
  });
});

describe("memory that is shared with another thread", () => {
  const shared = new SharedArrayBuffer(8);
  new Uint8Array(shared).set([104, 101, 108, 108, 111]);

  it.each<[string, VirtualSource]>([
    ["a SharedArrayBuffer", shared],
    ["a view", new Uint8Array(shared)],
    ["another view", new DataView(shared)],
    ["chunks", [new Uint8Array(shared)]],
    ["a function", () => shared],
  ])("is served as a copy: %s", async (_name, source) => {
    const rendered = await new DownloadResponse(new VirtualFile(source)).render(new Request("http://localhost/"));
    expect(rendered.status).toBe(200);
    const opened = await new VirtualFile(source).open();
    const bytes = await collectBytes(readOpened(opened));
    expect([...bytes]).toEqual([104, 101, 108, 108, 111, 0, 0, 0]);
    expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
    await opened.close();
  });
});

it("takes an option that is undefined for one that is absent", async () => {
  const source = new File(["hello"], "photo.png", { type: "image/png", lastModified: 1.7e12 });
  const nothing: VirtualFileOptions = {
    name: undefined,
    url: undefined,
    size: undefined,
    lastModified: undefined,
    etag: undefined,
    contentType: undefined,
    contentEncoding: undefined,
    ranges: undefined,
    wasModifiedSince: undefined,
  };
  const file = new VirtualFile(source, nothing);
  expect({ name: file.name, hasUrl: "url" in file, ...(await file.stat()) }).toEqual({
    name: "photo.png",
    hasUrl: false,
    size: 5,
    lastModified: new Date(1.7e12),
    contentType: "image/png",
  });
});

it("is handed to a server that has the same bytes at its url", async () => {
  const file = new VirtualFile(() => expect.unreachable("read"), { name: "a.pdf", url: "/media/a.pdf", size: 3 });
  const rules = [{ sourceUrl: "/media/", destinationUrl: "/_downloads/" }];
  const result = await smartDownloadMiddleware({ backend: nginx(), rules })(
    new DownloadResponse(file),
    new Request("http://localhost/"),
  );
  expect(result.headers.get("X-Accel-Redirect")).toBe("/_downloads/a.pdf");
});
