import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DownloadResponse, LocalFile } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen, openDescriptors, until } from "../support/sockets.ts";

const size = 12 * 1024 * 1024 + 4321;
let root: string;
let path: string;
let digest: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "readers-"));
  path = join(root, "random.bin");
  const content = randomBytes(size);
  digest = createHash("sha256").update(content).digest("hex");
  await writeFile(path, content);
});
afterAll(() => rm(root, { recursive: true }));

function answerTo(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent: false }, resolve).on("error", reject));
}

/** Reads everything, and after each chunk rests for some turns of the event loop. */
async function readSlowly(url: string, rest: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await answerTo(url)) {
    hash.update(chunk as Buffer);
    for (let turn = 0; turn < rest; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
}

/** Reads `length` bytes or a little more, and leaves. */
async function readAndLeave(url: string, length: number): Promise<void> {
  const response = await answerTo(url);
  let received = 0;
  response.on("error", () => undefined);
  for await (const chunk of response) {
    received += (chunk as Buffer).byteLength;
    if (received >= length) return void response.destroy();
  }
}

describe("one file and many readers, fast, slow and leaving", () => {
  it("reaches each of them to the byte, though their buffers are recycled", async () => {
    await using server = await listen(toNodeHandler(async () => new DownloadResponse(new LocalFile(path))));
    const readers = Array.from({ length: 12 }, (_, at) => readSlowly(server.url, at % 4 === 0 ? 20 : at % 4));
    const leavers = Array.from({ length: 12 }, (_, at) => readAndLeave(server.url, 1 + at * 700_000));
    await Promise.all(leavers);
    expect(new Set(await Promise.all(readers))).toEqual(new Set([digest]));
    await until(() => openDescriptors(root) === 0);
  });
});
