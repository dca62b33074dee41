import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { Socket, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalFile, VirtualFile, download, type DownloadFile, type DownloadOutcome, type OpenFile } from "downloadview";
import { toHTTP2Handler } from "downloadview/http2";
import { toNodeHandler } from "downloadview/node";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { conversation, listen, openDescriptors, sendRaw, until } from "../support/sockets.ts";

const GET = "GET / HTTP/1.1\nHost: x\n\n";
const size = 8 * 1024 * 1024;
let root: string;
let path: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "leaving-"));
  path = join(root, "file");
  await writeFile(path, Buffer.alloc(size, "x"));
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

/** Waits for ever, unless it is closed. */
async function* idle(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("first");
  await new Promise(() => undefined);
}

describe("a client that reads nothing and resets the connection", () => {
  const files: [name: string, make: () => DownloadFile][] = [
    ["50 MB in memory", () => new VirtualFile(Buffer.alloc(50_000_000), { name: "a" })],
    ["one generated chunk of 50 MB", () => new VirtualFile(() => [Buffer.alloc(50_000_000)], { name: "a" })],
    ["a local file", () => new LocalFile(path)],
    ["a source that is idle", () => new VirtualFile(idle, { name: "a" })],
  ];

  it.each(files)("is told as aborted, with the bytes that the kernel took: %s", async (_, make) => {
    const outcomes: DownloadOutcome[] = [];
    await using server = await listen(
      toNodeHandler(async () => download(make(), { onFinish: (outcome) => outcomes.push(outcome) })),
    );
    // Many: the kernel's buffers may take the whole of a small file.
    const sockets = await Promise.all(Array.from({ length: 2 }, () => sendRaw(server.port, GET.repeat(2))));
    for (const socket of sockets) await once(socket, "readable");
    for (const socket of sockets) socket.resetAndDestroy();
    await until(() => outcomes.some(({ kind }) => kind === "aborted"));
    for (const { kind, completed, bytesSent } of outcomes) {
      expect([completed, kind]).toEqual([kind === "completed", completed ? "completed" : "aborted"]);
      expect(bytesSent).toBeLessThanOrEqual(50_000_000);
    }
    await until(() => openDescriptors(root) === 0);
  });

  it("leaves nothing open of the requests that it sent in one go, and each is told once", async () => {
    let told = 0;
    await using server = await listen(
      toNodeHandler(async () => download(new LocalFile(path), { onFinish: () => (told += 1) })),
    );
    const socket = await sendRaw(server.port, GET.repeat(30));
    await once(socket, "readable");
    socket.resetAndDestroy();
    await until(() => told === 30 && openDescriptors(root) === 0);
  });

  it("is no error, while an upstream is awaited", async () => {
    const outcomes: DownloadOutcome[] = [];
    const errors: unknown[] = [];
    const asked = new EventEmitter();
    const file: DownloadFile = {
      name: "a",
      stat: async () => ({}),
      open: (options) =>
        new Promise((_, reject) => {
          options!.signal!.addEventListener("abort", () => reject(options!.signal!.reason as Error));
          asked.emit("asked");
        }),
    };
    await using server = await listen(
      toNodeHandler(async () => download(file, { onFinish: (outcome) => outcomes.push(outcome) }), {
        onError: (error) => errors.push(error),
      }),
    );
    const isAsked = once(asked, "asked");
    const socket = await sendRaw(server.port, GET);
    await isAsked;
    socket.destroy();
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual([{ kind: "aborted", status: 499, bytesSent: 0, completed: false }]);
    expect(errors).toEqual([]);
  });
});

describe("an HTTP/2 stream that the client resets", () => {
  const codes: [name: string, code: number][] = [
    ["NO_ERROR", 0],
    ["CANCEL", 8],
  ];

  it.each(codes)("is told as aborted, and closes the file: %s", async (_, code) => {
    const outcomes: DownloadOutcome[] = [];
    const handler = toHTTP2Handler(async ({ url }) => {
      const file = url === "/idle" ? new VirtualFile(idle, { name: "a" }) : new LocalFile(path);
      return download(file, { onFinish: (outcome) => outcomes.push(outcome) });
    });
    const server = createHttp2Server((request, response) => void handler(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      for (const asked of ["/file", "/idle", "/file"]) {
        const stream = client.request({ ":path": asked });
        stream.on("error", () => undefined);
        await once(stream, "data");
        stream.close(code);
      }
      await until(() => outcomes.length === 3 && openDescriptors(root) === 0);
      expect(outcomes.map(({ kind }) => kind)).toEqual(["aborted", "aborted", "aborted"]);
    } finally {
      client.destroy();
      server.close();
    }
  });
});

describe("a stand-in of Node's response", () => {
  /** As those of the wrappers for serverless functions: a response of Node's on an object that is no socket. */
  function standIn(write: (chunk: Uint8Array | string, done?: () => void) => unknown): ServerResponse {
    const request = new IncomingMessage(new Socket());
    Object.defineProperty(request, "socket", { value: { remoteAddress: "127.0.0.1" } });
    request.method = "GET";
    request.url = "/";
    const response = new ServerResponse(request);
    const socket = {
      _writableState: {},
      writable: true,
      on: () => socket,
      once: () => socket,
      removeListener: () => socket,
      destroy: () => undefined,
      cork: () => undefined,
      uncork: () => undefined,
      write: (chunk: Uint8Array | string, encoding: unknown, done?: () => void) =>
        write(chunk, typeof encoding === "function" ? (encoding as () => void) : done),
    };
    response.assignSocket(socket as unknown as Socket);
    return response;
  }

  const kinds: [name: string, write: (done?: () => void) => unknown][] = [
    ["returns undefined and calls back at once", (done) => done?.()],
    ["returns undefined and calls back later", (done) => void (done && setImmediate(done))],
    ["returns true and calls back at once", (done) => (done?.(), true)],
  ];
  const files: [name: string, make: () => DownloadFile, length: number][] = [
    ["a local file", () => new LocalFile(path), size],
    ["bytes", () => new VirtualFile(Buffer.alloc(3_000_000), { name: "a" }), 3_000_000],
    ["generated", () => new VirtualFile(() => Array.from({ length: 30 }, () => Buffer.alloc(1000))), 30_000],
  ];
  const cases = kinds.flatMap(([kind, write]) => files.map((file) => [kind, write, ...file] as const));

  it.each(cases)("whose socket %s ends, with all bytes: %s", async (_, write, _file, make, length) => {
    let received = 0;
    const response = standIn((chunk, done) => {
      if (typeof chunk !== "string") received += chunk.byteLength;
      return write(done);
    });
    const outcomes: DownloadOutcome[] = [];
    const finished = once(response, "finish");
    await toNodeHandler(async () => download(make(), { onFinish: (outcome) => outcomes.push(outcome) }))(
      response.req,
      response,
    );
    await finished;
    expect(received).toBeGreaterThanOrEqual(length);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: length, completed: true }]);
  });

  it("whose write() returns undefined, as that of middleware, still waits for a slow client", async () => {
    const handler = toNodeHandler(async () => download(new LocalFile(path)));
    let longest = 0;
    await using server = await listen((request, response) => {
      const { write } = response;
      response.write = function forgetful(this: ServerResponse, ...parameters: Parameters<typeof write>) {
        write.apply(this, parameters);
        longest = Math.max(longest, response.writableLength);
        return undefined as unknown as boolean;
      } as typeof write;
      void handler(request, response);
    });
    const { body } = await conversation(server.port, GET.replace("\n\n", "\nConnection: close\n\n"));
    expect(body.byteLength).toBe(size);
    expect(longest).toBeLessThan(2 * 1024 * 1024);
  });
});

describe("a source that fails midway", () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("first");
    throw new RangeError("broken");
  }

  it("reaches onError, and one that throws does not end the process", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const errors: unknown[] = [];
    const onError = (error: unknown): void => {
      errors.push(error);
      throw new Error("the log is down");
    };
    await using server = await listen(
      toNodeHandler(async () => download(new VirtualFile(broken, { name: "a" })), { onError }),
    );
    await conversation(server.port, GET);
    expect(errors).toEqual([new RangeError("broken")]);
    expect(written.mock.calls).toEqual([["downloadview: onError failed:", new Error("the log is down")]]);
  });
});

describe("a file of others, with nothing but stat and content", () => {
  const text = "0123456789";

  function fileOf(content: OpenFile["content"], notModified = false): DownloadFile {
    const opened: OpenFile = {
      stat: { size: text.length, etag: '"v"' },
      notModified,
      content,
      close: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
    return { name: "a.txt", stat: async () => opened.stat, open: async () => opened };
  }

  async function* chunksOf(part: string): AsyncGenerator<Uint8Array> {
    for (const letter of part) yield Buffer.from(letter);
  }

  const file = fileOf(async (range) => ({
    kind: "chunks",
    chunks: chunksOf(range ? text.slice(range.start, range.end + 1) : text),
  }));

  it.each([
    [{}, 200, text],
    [{ Range: "bytes=2-4" }, 206, "234"],
    [{ Range: "bytes=0-1,8-9" }, 206, "89\r\n"],
    [{ "If-None-Match": '"v"' }, 304, ""],
  ])("is served: %o", async (headers, status, expected) => {
    await using server = await listen(toNodeHandler(async () => download(file)));
    const response = await fetch(server.url, { headers: headers as Record<string, string> });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(expected);
  });

  it("is a 502 if it says that it is not modified without being asked", async () => {
    const never = fileOf(async () => expect.unreachable("content"), true);
    const errors: unknown[] = [];
    await using server = await listen(
      toNodeHandler(async () => download(never), { onError: (error) => errors.push(error) }),
    );
    expect((await fetch(server.url)).status).toBe(502);
    expect(errors).toHaveLength(1);
  });
});
