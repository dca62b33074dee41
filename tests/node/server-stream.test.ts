import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { download, LocalFile } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { send } from "downloadview/hono";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listen } from "../support/sockets.ts";

// Each file is of one letter: a byte of another file is seen wherever it is.
const letters = Array.from("abcdef");
const sizes = { large: 3 * 1024 * 1024 + 1, resident: 300 * 1024 };
type Size = keyof typeof sizes;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "server-stream-"));
  for (const letter of letters) {
    for (const [name, size] of Object.entries(sizes))
      await writeFile(join(root, name + letter), Buffer.alloc(size, letter));
  }
});
afterAll(() => rm(root, { recursive: true }));

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

function listenerFor(...middleware: MiddlewareHandler[]): Listener {
  const app = new Hono();
  for (const each of middleware) app.use(each);
  app.get("/:name", (context) => send(context, download(new LocalFile(join(root, context.req.param("name"))))));
  return getRequestListener(app.fetch);
}

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function ask(port: number, path: string): Promise<Received> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const settle = (): void => resolve({ headers: response.headers, body: Buffer.concat(chunks) });
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => undefined).on("close", settle);
    }).on("error", reject);
  });
}

function isWhole(body: Buffer, letter: string, size: Size): boolean {
  return body.equals(Buffer.alloc(sizes[size], letter));
}

/** Asks for all files twice, so that memory is used again if anything is. */
async function askForAll(port: number, size: Size): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    const received = await Promise.all(letters.map((letter) => ask(port, `/${size}${letter}`)));
    for (const [at, letter] of letters.entries()) expect(isWhole(received[at]!.body, letter, size)).toBe(true);
  }
}

const cases = Object.keys(sizes) as Size[];

describe.each(cases)("a %s file through Hono on Node", (size) => {
  it("is sent by Node's own response, from memory that is used again or shared", async () => {
    await using server = await listen(listenerFor());
    await askForAll(server.port, size);
    const allocating = vi.spyOn(Buffer, "allocUnsafeSlow");
    await askForAll(server.port, size);
    const large = allocating.mock.calls.filter(([bytes]) => bytes >= 64 * 1024);
    allocating.mockRestore();
    expect(large).toEqual([]);
  });

  it.each([0, 3, undefined])("is found to be read by the server where stacks have %s frames", async (limit) => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = limit as number;
    try {
      await using server = await listen(listenerFor());
      await askForAll(server.port, size);
      const copying = vi.spyOn(Buffer, "allocUnsafeSlow");
      await askForAll(server.port, size);
      expect(copying.mock.calls.filter(([bytes]) => bytes >= 64 * 1024)).toEqual([]);
      expect(Error.stackTraceLimit).toBe(limit);
    } finally {
      vi.restoreAllMocks();
      Error.stackTraceLimit = before;
    }
  });

  it("asks for no signal of the request if Node's own response sends it", async () => {
    const asked = vi.fn<() => void>();
    const watching: MiddlewareHandler = (context, next) => {
      const { raw } = context.req;
      context.req.raw = new Proxy(raw, {
        get(target, name) {
          if (name === "signal") asked();
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      return next();
    };
    await using server = await listen(listenerFor(watching));
    await askForAll(server.port, size);
    expect(asked).not.toHaveBeenCalled();
  });

  it("stops a reader in between whose request was aborted before it read", async () => {
    const controller = new AbortController();
    let failed: unknown;
    const aborting: MiddlewareHandler = async (context, next) => {
      context.req.raw = new Request(context.req.raw.url, { signal: controller.signal });
      await next();
      controller.abort(new Error("gone"));
      const reader = context.res.body!.getReader();
      failed = await reader.read().catch((error: unknown) => error);
      context.res = new Response("other");
    };
    await using server = await listen(listenerFor(aborting));
    expect((await ask(server.port, `/${size}a`)).body.toString()).toBe("other");
    expect(failed).toMatchObject({ message: "gone" });
  });

  it("has the fields that middleware sets afterwards", async () => {
    await using server = await listen(
      listenerFor(async (context, next) => {
        await next();
        context.header("X-After", "yes");
      }),
    );
    const { headers, body } = await ask(server.port, `/${size}a`);
    expect(headers).toMatchObject({ "x-after": "yes", "content-length": String(sizes[size]) });
    expect(isWhole(body, "a", size)).toBe(true);
  });

  /** What each consumer has kept of each response, by the letter of its file. */
  const kept = new Map<string, Uint8Array[]>();
  function keep(path: string, chunk: Uint8Array): void {
    const letter = path.slice(-1);
    kept.set(letter, [...(kept.get(letter) ?? []), chunk]);
  }

  const consumers: [name: string, middleware: MiddlewareHandler][] = [
    [
      "a transform that keeps each chunk",
      async (context, next) => {
        await next();
        const { body } = context.res;
        const transform = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            keep(context.req.path, chunk);
            controller.enqueue(chunk);
          },
        });
        context.res = new Response(body!.pipeThrough(transform), context.res);
      },
    ],
    [
      "a clone that is read later",
      async (context, next) => {
        await next();
        void new Response(context.res.clone().body)
          .arrayBuffer()
          .then((bytes) => keep(context.req.path, new Uint8Array(bytes)));
      },
    ],
    [
      "a reader that keeps each chunk",
      async (context, next) => {
        await next();
        const reader = context.res.body!.getReader();
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const { done, value } = await reader.read();
            if (done) return controller.close();
            keep(context.req.path, value);
            controller.enqueue(value);
          },
        });
        context.res = new Response(body, context.res);
      },
    ],
  ];

  it.each(consumers)("leaves the memory alone that %s has", async (_, middleware) => {
    kept.clear();
    await using server = await listen(listenerFor(middleware));
    await askForAll(server.port, size);
    // Beside those that are sent from memory that is used again.
    await using other = await listen(listenerFor());
    await askForAll(other.port, size);
    expect([...kept.keys()].toSorted()).toEqual(letters);
    for (const [letter, chunks] of kept) {
      expect(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(2 * sizes[size]);
      for (const chunk of chunks) expect(Buffer.alloc(chunk.byteLength, letter).equals(chunk)).toBe(true);
    }
  });

  it("is not changed by a consumer that writes into the chunks it gets", async () => {
    const mask: MiddlewareHandler = async (context, next) => {
      await next();
      const transform = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => controller.enqueue(chunk.fill(0x2a)),
      });
      context.res = new Response(context.res.body!.pipeThrough(transform), context.res);
    };
    await using masked = await listen(listenerFor(mask));
    await using plain = await listen(listenerFor());
    for (let time = 0; time < 3; time += 1) {
      expect(isWhole((await ask(masked.port, `/${size}a`)).body, "*", size)).toBe(true);
      expect(isWhole((await ask(plain.port, `/${size}a`)).body, "a", size)).toBe(true);
    }
  });

  it("goes through a consumer that takes its reader only when it is asked for the first chunk", async () => {
    async function* masked(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
      const reader = body.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value.fill(0x2a);
    }
    const mask: MiddlewareHandler = async (context, next) => {
      await next();
      const chunks = masked(context.res.body!);
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await chunks.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        },
        { highWaterMark: 0 },
      );
      const headers = Object.fromEntries(context.res.headers);
      // So that Hono sends the new response as it is: its server then writes the head before it reads.
      context.res = undefined;
      context.res = new Response(body, { headers });
    };
    await using server = await listen(listenerFor(mask));
    for (let time = 0; time < 3; time += 1) {
      expect(isWhole((await ask(server.port, `/${size}a`)).body, "*", size)).toBe(true);
    }
  });

  it("goes through what replaced a method of Node's response", async () => {
    const inner = listenerFor();
    await using server = await listen((request: IncomingMessage, response: ServerResponse) => {
      for (const name of ["write", "end"] as const) {
        const original = response[name].bind(response) as (...parameters: unknown[]) => boolean;
        const replaced = (chunk: unknown, ...rest: unknown[]): boolean =>
          original(chunk instanceof Uint8Array ? new Uint8Array(chunk).fill(0x2a) : chunk, ...rest);
        Object.assign(response, { [name]: replaced });
      }
      return inner(request, response);
    });
    for (let time = 0; time < 3; time += 1) {
      expect(isWhole((await ask(server.port, `/${size}a`)).body, "*", size)).toBe(true);
    }
  });
});

it("a handler for fetch takes Node's response from Hono's env", async () => {
  const view = toFetchHandler(async ({ url }) => download(new LocalFile(join(root, url.slice(-6)))));
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get("/:name", ({ req, env }) => view(req.raw, { params: req.param(), outgoing: env.outgoing }));
  await using server = await listen(getRequestListener(app.fetch));
  const whole = async (): Promise<boolean> => isWhole((await ask(server.port, "/largea")).body, "a", "large");
  expect(await whole()).toBe(true);
  const allocating = vi.spyOn(Buffer, "allocUnsafeSlow");
  expect(await whole()).toBe(true);
  const large = allocating.mock.calls.filter(([bytes]) => bytes >= 64 * 1024);
  allocating.mockRestore();
  expect(large).toEqual([]);
});

it("a file that was truncated under way ends in a failed download, and in one line of the log", async () => {
  const path = join(root, "shrinking");
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024));
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  await using server = await listen(listenerFor());
  const error = await new Promise((resolve) => {
    get({ port: server.port, path: "/shrinking", agent: false }, (response) => {
      response.once("readable", () => void truncate(path, 1024).then(() => response.resume()));
      response.on("error", resolve);
      response.on("end", () => resolve("looks whole"));
    });
  });
  expect(error).toMatchObject({ code: "ECONNRESET" });
  await vi.waitFor(() => expect(logged).toHaveBeenCalledOnce());
  logged.mockRestore();
});
