import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, get as getTls } from "node:https";
import { createServer as createNetServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { LocalFile, MemoryStorage, StorageFile, VirtualFile, download, type DownloadFile } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listen } from "../support/sockets.ts";

// Each file is of one letter: a byte of another file is seen wherever it is.
const letters = Array.from("abcdefgh");
const size = 3 * 1024 * 1024 + 1;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "memory-"));
  for (const letter of letters) await writeFile(join(root, letter), Buffer.alloc(size, letter));
});
afterAll(() => rm(root, { recursive: true }));

const handler = toNodeHandler(async ({ url }) => download(new LocalFile(join(root, url.slice(1)))), {
  onError: () => undefined,
});

interface Received {
  readonly length: number;
  /** The letters of the bytes that came, each once. */
  readonly letters: string;
}

function ask(port: number, path: string): Promise<Received> {
  return new Promise((resolve) => {
    const seen = new Set<number>();
    let length = 0;
    const settle = (): void => resolve({ length, letters: String.fromCharCode(...seen) });
    get({ port, path, agent: false }, (response) => {
      response.on("data", (chunk: Buffer) => {
        length += chunk.byteLength;
        const first = chunk[0]!;
        if (chunk.equals(Buffer.alloc(chunk.byteLength, first))) seen.add(first);
        else for (const byte of chunk) seen.add(byte);
      });
      response.on("error", () => undefined).on("close", settle);
    }).on("error", settle);
  });
}

type Method = (...parameters: unknown[]) => unknown;

/** Has calls of a method wait for some turns of the event loop, in their order, as a session that is saved first does. */
function hold(target: object, name: string): void {
  const methods = target as Record<string, Method>;
  const original = methods[name]!;
  let last = Promise.resolve();
  methods[name] = function held(this: unknown, ...parameters: unknown[]) {
    last = last.then(async () => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      original.apply(this, parameters);
    });
    return true;
  };
}

type Target = "response" | "socket";
const methods: [target: Target, method: string, isWhole: boolean][] = [
  ["response", "write", false],
  ["response", "end", true],
  ["response", "_send", false],
  ["response", "_writeRaw", false],
  ["socket", "write", false],
  ["socket", "end", true],
  ["socket", "_write", true],
  ["socket", "_writev", true],
  ["socket", "_writeGeneric", true],
];

describe.each(methods)("middleware that replaces %s.%s and holds chunks back", (target, method, isWhole) => {
  const times: [time: string, install: (install: () => void, response: ServerResponse) => void][] = [
    ["before the download", (install) => install()],
    [
      "when the head is written",
      (install, response) => {
        const { writeHead } = response;
        response.writeHead = ((...parameters: Parameters<typeof writeHead>) => {
          install();
          return writeHead.apply(response, parameters);
        }) as typeof writeHead;
      },
    ],
    ["in the middle of the download", (install, { req }) => void setTimeout(install, req.url === "/a" ? 0 : 5)],
  ];

  it.each(times)("sends no byte of another file: %s", async (time, when) => {
    await using server = await listen((request: IncomingMessage, response: ServerResponse) => {
      const replaced = target === "response" ? response : response.socket!;
      when(() => hold(replaced, method), response);
      void handler(request, response);
    });
    const received = await Promise.all(letters.map((letter) => ask(server.port, `/${letter}`)));
    for (const [at, letter] of letters.entries()) {
      expect(letter).toContain(received[at]!.letters);
      if (isWhole && time !== "in the middle of the download") expect(received[at]!.length).toBe(size);
    }
  });
});

describe("a response that nothing replaced", () => {
  // A key that both sides know, so that no certificate has to be made.
  const psk = Buffer.alloc(32, 1);
  const tls = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
  const protocols: [name: string, start: () => Server][] = [
    ["HTTP", () => createServer((request, response) => void handler(request, response))],
    [
      "HTTPS",
      () => createTlsServer({ ...tls, pskCallback: () => psk }, (request, response) => void handler(request, response)),
    ],
  ];

  it.each(protocols)("is sent from memory that is used again: %s", async (name, start) => {
    const server = start();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const url = `${name.toLowerCase()}://127.0.0.1:${port}/a`;
    try {
      const part = (): Promise<void> => readPart(url);
      await part();
      const allocating = vi.spyOn(Buffer, "allocUnsafeSlow");
      for (let time = 0; time < 5; time += 1) await part();
      const sizes = allocating.mock.calls.map(([bytes]) => bytes).filter((bytes) => bytes >= 64 * 1024);
      allocating.mockRestore();
      expect(sizes).toEqual([]);
    } finally {
      server.close();
    }
  });

  function readPart(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const trust = { pskCallback: () => ({ psk, identity: "test" }), checkServerIdentity: () => undefined };
      const options = { ...tls, ...trust, agent: false as const, headers: { Range: "bytes=0-299999" } };
      const read = (response: IncomingMessage): void => void response.resume().on("end", resolve);
      (url.startsWith("https") ? getTls(url, options, read) : get(url, options, read)).on("error", reject);
    });
  }
});

describe("a connection that is a stream of JavaScript", () => {
  /** Queues what is written to it, and passes it on some turns later. */
  class Slow extends Duplex {
    readonly #socket: Socket;

    constructor(socket: Socket) {
      super();
      this.#socket = socket;
      socket.on("data", (chunk) => this.push(chunk));
      socket.on("end", () => this.push(null)).on("error", () => this.destroy());
      socket.on("close", () => this.destroy());
    }

    override _read(): void {}

    override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
      // It says that it took a chunk long before it passes it on.
      setImmediate(() => setImmediate(() => this.#socket.write(chunk)));
      callback();
    }

    override _final(callback: () => void): void {
      setImmediate(() => setImmediate(() => setImmediate(() => this.#socket.end(callback))));
    }
  }

  it("gets the bytes of its own file alone", async () => {
    const inner = createServer((request, response) => void handler(request, response));
    const outer = createNetServer((socket) => void inner.emit("connection", new Slow(socket)));
    await new Promise<void>((resolve) => outer.listen(0, "127.0.0.1", resolve));
    const { port } = outer.address() as AddressInfo;
    try {
      for (let round = 0; round < 3; round += 1) {
        const received = await Promise.all(letters.map((letter) => ask(port, `/${letter}`)));
        expect(received).toEqual(letters.map((letter) => ({ length: size, letters: letter })));
      }
    } finally {
      outer.close();
    }
  });
});

describe("a transform that works in place", () => {
  const text = "0123456789".repeat(5000);
  const storage = new MemoryStorage();
  const bytes = new TextEncoder().encode(text);
  const old = new Date(Date.now() - 60_000);

  beforeAll(async () => {
    await storage.save("file", text);
    await writeFile(join(root, "small"), text);
    await writeFile(join(root, "popular"), text.repeat(10));
    for (const name of ["small", "popular"]) await utimes(join(root, name), old, old);
  });

  const files: [name: string, make: () => DownloadFile, content: string][] = [
    ["MemoryStorage", () => new StorageFile(storage, "file"), text],
    ["the application's own bytes", () => new VirtualFile(bytes, { name: "file" }), text],
    ["a small local file", () => new LocalFile(join(root, "small")), text],
    ["a local file that is asked for again", () => new LocalFile(join(root, "popular")), text.repeat(10)],
  ];

  it.each(files)("does not change what the next client gets: %s", async (_, make, content) => {
    const serve = toNodeHandler(async () => download(make()));
    await using server = await listen((request: IncomingMessage, response: ServerResponse) => {
      if (request.url === "/masked") mask(response);
      void serve(request, response);
    });
    const url = `http://127.0.0.1:${server.port}`;
    for (let round = 0; round < 3; round += 1) {
      expect(await (await fetch(`${url}/`)).text()).toBe(content);
      const masked = await (await fetch(`${url}/masked`)).text();
      expect(masked).toBe("x".repeat(content.length));
      const part = await fetch(`${url}/masked`, { headers: { Range: "bytes=5-9" } });
      expect(await part.text()).toBe("xxxxx");
      const parts = await fetch(`${url}/masked`, { headers: { Range: "bytes=0-1,9-10" } });
      expect(parts.status).toBe(206);
      await parts.text();
    }
    expect(await (await fetch(`${url}/`)).text()).toBe(content);
  });

  function mask(response: ServerResponse): void {
    const { write, end } = response;
    const overwrite = (chunk: unknown): void => void (chunk instanceof Uint8Array && chunk.fill("x".charCodeAt(0)));
    response.write = function masked(this: ServerResponse, ...parameters: Parameters<typeof write>) {
      overwrite(parameters[0]);
      return write.apply(this, parameters);
    } as typeof write;
    response.end = function masked(this: ServerResponse, ...parameters: Parameters<typeof end>) {
      overwrite(parameters[0]);
      return end.apply(this, parameters);
    } as typeof end;
  }
});
