import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DownloadResponse,
  LocalFile,
  PathDownloadView,
  VirtualFile,
  download,
  localFileCache,
  type DownloadOutcome,
  type DownloadResult,
  type OpenFile,
} from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { conversation, listen, openDescriptors, sendRaw, until } from "../support/sockets.ts";

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "transfer-"))));
// A descriptor of one test must not be counted in the next.
afterEach(() => until(() => openDescriptors(root) === 0));
afterAll(() => rm(root, { recursive: true }));

const GET = "GET / HTTP/1.1\nHost: x\nConnection: close\n\n";
const keepAlive = "GET / HTTP/1.1\nHost: x\n\n";

function serve(make: () => DownloadResult): ReturnType<typeof listen> {
  return listen(toNodeHandler(async () => make(), { onError: () => undefined }));
}

async function bigFile(name: string, megabytes = 32): Promise<string> {
  const path = join(root, name);
  await writeFile(path, Buffer.alloc(megabytes * 1024 * 1024, name));
  return path;
}

describe("a local file on a Node socket", () => {
  it("is sent whole, to the byte, and its descriptor is closed", async () => {
    const path = join(root, "whole.bin");
    const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, at) => (at * 7919) % 251));
    await writeFile(path, bytes);
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    const { head, body } = await conversation(server.port, GET);
    expect(head).toContain("Content-Length: 3000001");
    expect(body.equals(bytes)).toBe(true);
    await until(() => openDescriptors(root) === 0);
  });

  it("is the same from memory as from the disk when it is asked for again, whole and in part, until it changes", async () => {
    const path = join(root, "again.bin");
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
    await writeFile(path, bytes);
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    // What changed within two seconds may change again without a trace, and is not kept.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    try {
      const before = localFileCache.bytes;
      for (let time = 1; time <= 3; time += 1) {
        expect((await conversation(server.port, GET)).body.equals(bytes)).toBe(true);
        expect(localFileCache.bytes - before).toBe(time === 1 ? 0 : bytes.byteLength);
      }
      const part = await conversation(server.port, GET.replace("\n\n", "\nRange: bytes=100000-299999\n\n"));
      expect(part.head).toContain("206 Partial Content");
      expect(part.body.equals(bytes.subarray(100_000))).toBe(true);
      const parts = await conversation(server.port, GET.replace("\n\n", "\nRange: bytes=0-9,150000-299999\n\n"));
      expect(parts.body.includes(bytes.subarray(150_000))).toBe(true);
      await writeFile(path, bytes.toReversed());
      expect((await conversation(server.port, GET)).body.equals(bytes.toReversed())).toBe(true);
      expect(localFileCache.bytes).toBe(before);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is not held in memory for a reader that left", async () => {
    const path = join(root, "left.bin");
    await writeFile(path, Buffer.alloc(1024 * 1024, 1));
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    try {
      await conversation(server.port, GET);
      const before = localFileCache.bytes;
      // Never read, so that the kernel's buffers cannot take it all of each.
      const sockets = await Promise.all(Array.from({ length: 20 }, () => sendRaw(server.port, keepAlive.repeat(20))));
      await until(() => localFileCache.bytes > before);
      await writeFile(path, "changed");
      await conversation(server.port, GET);
      for (const socket of sockets) socket.destroy();
      await until(() => localFileCache.bytes === before + "changed".length);
    } finally {
      vi.useRealTimers();
    }
  });

  it("destroys the connection when it is truncated under way, and never looks whole", async () => {
    const path = await bigFile("truncated.bin");
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using server = await serve(() => new DownloadResponse(new LocalFile(path), { onFinish }));
    const socket = await sendRaw(server.port, keepAlive);
    await once(socket, "readable");
    await truncate(path, 1000);
    let received = 0;
    socket.on("data", (chunk: Buffer) => (received += chunk.byteLength));
    await new Promise((resolve) => socket.on("close", resolve));
    expect(received).toBeLessThan(32 * 1024 * 1024);
    // The client may see the end of the connection before the application is told of it.
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ status: 200, completed: false, error: { name: "IncompleteBodyError" } }]);
  });

  it("is sent as it was when another file takes its name under way", async () => {
    const path = await bigFile("replaced.bin");
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    const socket = await sendRaw(server.port, GET);
    await once(socket, "readable");
    await writeFile(`${path}.new`, "other");
    await rename(`${path}.new`, path);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    const body = all.subarray(all.indexOf("\r\n\r\n") + 4);
    expect(body.equals(Buffer.alloc(32 * 1024 * 1024, "replaced.bin"))).toBe(true);
  });

  it("is closed at once when the client leaves", async () => {
    const path = await bigFile("left.bin");
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using server = await serve(() => new DownloadResponse(new LocalFile(path), { onFinish }));
    const socket = await sendRaw(server.port, keepAlive);
    await once(socket, "readable");
    expect(openDescriptors(root)).toBe(1);
    socket.destroy();
    await until(() => outcomes.length === 1 && openDescriptors(root) === 0);
    expect(outcomes[0]).toMatchObject({ status: 200, completed: false });
    expect(outcomes[0]).not.toHaveProperty("error");
  });

  it("leaves no descriptor after many clients that left at different moments", async () => {
    const path = await bigFile("many.bin", 4);
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    for (let round = 0; round < 100; round += 1) {
      const socket = await sendRaw(server.port, keepAlive);
      if (round % 2) await once(socket, "readable");
      socket.destroy();
    }
    await until(() => openDescriptors(root) === 0);
  });

  it("is never opened for HEAD, 304, 412 or 416", async () => {
    const path = await bigFile("unopened.bin", 1);
    await utimes(path, 1_700_000_000, 1_700_000_000);
    const { etag } = await new LocalFile(path).stat();
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    const answers = await Promise.all(
      [
        "HEAD / HTTP/1.1\nHost: x\nConnection: close\n\n",
        `GET / HTTP/1.1\nHost: x\nConnection: close\nIf-None-Match: ${etag}\n\n`,
        'GET / HTTP/1.1\nHost: x\nConnection: close\nIf-Match: "other"\n\n',
        "GET / HTTP/1.1\nHost: x\nConnection: close\nRange: bytes=9999999-\n\n",
      ].map((request) => conversation(server.port, request)),
    );
    expect(answers.map(({ head }) => head.split(" ")[1])).toEqual(["200", "304", "412", "416"]);
    expect(answers.every(({ body }) => body.byteLength === 0)).toBe(true);
  });

  it("answers 404 for a FIFO, and blocks no thread", async () => {
    const fifo = join(root, "pipe");
    execFileSync("mkfifo", [fifo]);
    await using server = await listen(
      toNodeHandler(PathDownloadView.asView({ root }), { params: () => ({ path: "pipe" }) }),
    );
    for (let round = 0; round < 8; round += 1) {
      const { head } = await conversation(server.port, GET);
      expect(head).toMatch(/^HTTP\/1.1 404/);
    }
  });

  it("sends several ranges with an exact length", async () => {
    const path = join(root, "ranges.txt");
    await writeFile(path, "0123456789");
    await using server = await serve(() => new DownloadResponse(new LocalFile(path)));
    const { head, body } = await conversation(
      server.port,
      "GET / HTTP/1.1\nHost: x\nConnection: close\nRange: bytes=7-8,0-1\n\n",
    );
    expect(head).toMatch(/^HTTP\/1.1 206/);
    expect(head).toContain(`Content-Length: ${body.byteLength}`);
    expect(body.toString()).toMatch(
      /Content-Range: bytes 7-8\/10\r\n\r\n78\r\n--.*Content-Range: bytes 0-1\/10\r\n\r\n01\r\n/s,
    );
  });
});

describe("a source that breaks its promise", () => {
  async function* oneChunk(content: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(content);
  }

  function lyingFile(content: string, size: number): DownloadResponse {
    const opened: OpenFile = {
      stat: { size },
      content: async () => ({ kind: "chunks", chunks: oneChunk(content) }),
      close: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
    return new DownloadResponse({ name: "x", stat: async () => ({ size }), open: async () => opened });
  }

  it("is cut at Content-Length when it has more", async () => {
    await using server = await serve(() => lyingFile("0123456789", 4));
    const { body } = await conversation(server.port, GET);
    expect(body.toString()).toBe("0123");
  });

  it("has its connection destroyed when it has less, also with keep-alive", async () => {
    await using server = await serve(() => lyingFile("0123", 10));
    const { head, body } = await conversation(server.port, keepAlive);
    expect(head).toContain("Content-Length: 10");
    expect(body.byteLength).toBeLessThan(10);
  });
});

describe("generated content", () => {
  it("gets the status of an error before its first byte", async () => {
    await using server = await serve(() =>
      download(
        // oxlint-disable-next-line require-yield
        async function* () {
          throw new Error("secret reason");
        },
        { name: "x.txt" },
      ),
    );
    const { head, body } = await conversation(server.port, GET);
    expect(head).toMatch(/^HTTP\/1.1 500/);
    expect(body.toString()).toBe("Internal Server Error\n");
  });

  it("has its connection destroyed by an error after the first byte", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    async function* broken(): AsyncGenerator<string> {
      yield "begun";
      throw new Error("broken");
    }
    await using server = await serve(() => download(broken, { name: "x.txt", onFinish }));
    const { head, body } = await conversation(server.port, keepAlive);
    expect(head).toMatch(/^HTTP\/1.1 200/);
    expect(body.toString()).not.toContain("0\r\n\r\n");
    await until(() => outcomes.length > 0);
    expect(outcomes).toMatchObject([{ completed: false, bytesSent: 5, error: { message: "broken" } }]);
  });

  it("resets the connection where only its end would mark the end of the body", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield "begun";
      throw new Error("broken");
    }
    await using server = await serve(() => download(broken, { name: "x.txt" }));
    const { reset } = await conversation(server.port, "GET / HTTP/1.0\n\n");
    expect(reset).toBe(true);
  });

  it("is told at once that the client left, also while it waits", async () => {
    let returned = false;
    const stuck = {
      [Symbol.asyncIterator]: () => {
        let first = true;
        return {
          next: (): Promise<IteratorResult<string>> => {
            if (!first) return new Promise(() => undefined);
            first = false;
            return Promise.resolve({ done: false, value: "begun" });
          },
          return: async (): Promise<IteratorResult<string>> => {
            returned = true;
            return { done: true, value: undefined };
          },
        };
      },
    };
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using server = await serve(() => download(stuck, { name: "x.txt", onFinish }));
    const socket = await sendRaw(server.port, keepAlive);
    await once(socket, "readable");
    socket.destroy();
    await until(() => returned && outcomes.length === 1);
    expect(outcomes[0]).toMatchObject({ completed: false, bytesSent: 5 });
  });

  it("waits for a slow reader instead of filling memory", async () => {
    let produced = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        produced += 65_536;
        yield new Uint8Array(65_536);
      }
    }
    await using server = await serve(() => download(endless, { name: "x.bin" }));
    const socket = await sendRaw(server.port, keepAlive);
    socket.pause();
    let before = -1;
    await until(() => {
      const settled = before === produced && produced > 0;
      before = produced;
      return settled;
    });
    expect(produced).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
  });

  it("is chunked, and whole, where its length is unknown", async () => {
    await using server = await serve(() => download(["a", "b", "c"], { name: "x.txt" }));
    const response = await fetch(server.url);
    expect(response.headers.get("content-length")).toBe(null);
    expect(await response.text()).toBe("abc");
  });
});

describe("limitRate", () => {
  it("sends everything, a little at a time", async () => {
    const file = new VirtualFile(new Uint8Array(300).fill(7), { name: "x" });
    await using server = await serve(() => new DownloadResponse(file, { limitRate: 1000 }));
    const chunks: number[] = [];
    const response = await fetch(server.url);
    for await (const chunk of response.body!) chunks.push((chunk as Uint8Array).byteLength);
    expect(chunks.reduce((total, length) => total + length, 0)).toBe(300);
    expect(chunks.length).toBeGreaterThan(1);
    expect(response.headers.get("content-length")).toBe("300");
  });
});

describe("onFinish", () => {
  it("says once that everything was sent", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using server = await serve(() => new DownloadResponse(new VirtualFile("12345", { name: "x" }), { onFinish }));
    await (await fetch(server.url)).text();
    await (await fetch(server.url, { method: "HEAD" })).text();
    await until(() => outcomes.length === 2);
    expect(outcomes).toEqual([
      { kind: "completed", status: 200, bytesSent: 5, completed: true },
      { kind: "completed", status: 200, bytesSent: 0, completed: true },
    ]);
  });
});
