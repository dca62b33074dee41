import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download, LocalFile, type DownloadOutcome, type DownloadResponse } from "downloadview";
import { send } from "downloadview/h3";
import { H3, toNodeHandler, type Middleware } from "h3";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { conversation, listen, openDescriptors, sendRaw, until } from "../support/sockets.ts";

/** On Node, h3 and srvx hand a file's body over to the response's own writer. */

const size = 6 * 1024 * 1024 + 321;
const content = randomBytes(size);
const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());
const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let root: string;
let path: string;
let outcomes: DownloadOutcome[];
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "piped-"))));
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  outcomes = [];
  path = join(root, "big.bin");
  await writeFile(path, content);
});

/** Its outcome is told to the test that asked for it, also if it comes after that test has ended. */
function big(limit: { limitRate?: number } = {}): DownloadResponse {
  const own = outcomes;
  return download(new LocalFile(path), { ...limit, onFinish: (outcome) => void own.push(outcome) });
}

function serve(middleware: Middleware[] = [], limit?: { limitRate?: number }): ReturnType<typeof listen> {
  const app = new H3({ silent: true });
  for (const one of middleware) app.use(one);
  app.all("/", (event) => send(event, big(limit)));
  return listen(toNodeHandler(app));
}

describe("a file as the body of h3 on Node", () => {
  it("is sent to the byte, with its length, and told to be complete", async () => {
    await using server = await serve();
    const response = await fetch(server.url);
    expect(response.headers.get("content-length")).toBe(String(size));
    expect(digestOf(await bytesOf(response))).toBe(digestOf(content));
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: size, completed: true }]);
  });

  it("is sent in part, and not at all to HEAD", async () => {
    await using server = await serve();
    const part = await fetch(server.url, { headers: { range: "bytes=100000-4100000" } });
    expect([part.status, digestOf(await bytesOf(part))]).toEqual([206, digestOf(content.subarray(100_000, 4_100_001))]);
    const head = await fetch(server.url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(size)]);
    await until(() => outcomes.length === 2 && openDescriptors(root) === 0);
  });

  it("has the fields that middleware set afterwards", async () => {
    const after: Middleware = async (event, next) => {
      const answer = await next();
      event.res.headers.set("X-After", "kept");
      return answer;
    };
    await using server = await serve([after]);
    const response = await fetch(server.url);
    expect(response.headers.get("x-after")).toBe("kept");
    expect((await bytesOf(response)).byteLength).toBe(size);
  });

  it("is a stream to middleware that looks at it", async () => {
    const reads: Middleware = async (_event, next) => {
      const { body } = (await next()) as { body: { pipe(to: NodeJS.WritableStream): void } };
      const { PassThrough } = await import("node:stream");
      const copy = new PassThrough();
      body.pipe(copy);
      return new Response(digestOf(Buffer.concat(await copy.toArray())));
    };
    await using server = await serve([reads]);
    expect(await (await fetch(server.url)).text()).toBe(digestOf(content));
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: size, completed: true }]);
  });

  it("is closed when middleware looks at it no further", async () => {
    const leaves: Middleware = async (_event, next) => {
      const { body } = (await next()) as { body: { pipe(to: NodeJS.WritableStream): void } };
      const { PassThrough } = await import("node:stream");
      const copy = new PassThrough();
      body.pipe(copy);
      // While the first chunk is still being read.
      copy.destroy();
      return new Response("enough");
    };
    await using server = await serve([leaves]);
    expect(await (await fetch(server.url)).text()).toBe("enough");
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: false }]);
  });

  it("breaks the connection when the file ends early", async () => {
    // What leaves at first is more than the kernels take, and then the file is shorter.
    await using server = await serve([], { limitRate: 2 * 1024 * 1024 });
    const talking = conversation(server.port, "GET / HTTP/1.1\nHost: x\n\n");
    await until(() => openDescriptors(root) > 0);
    await truncate(path, 1024 * 1024);
    const { head, body } = await talking;
    expect(head).toContain(`content-length: ${size}`);
    expect(body.byteLength).toBeLessThan(size);
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: false, error: { name: "IncompleteBodyError" } }]);
  });

  it("is closed when the client leaves", async () => {
    await using server = await serve();
    const socket = await sendRaw(server.port, "GET / HTTP/1.1\nHost: x\n\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: false }]);
  });
});
