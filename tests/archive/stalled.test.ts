import { fork } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, realpath, rm, utimes, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { sendRaw } from "../support/sockets.ts";

interface Held {
  readonly rss: number;
  readonly descriptors: number;
}

const readers = 500;

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "stalled-")));
  const content = randomFillSync(Buffer.allocUnsafe(16 * 1024 * 1024));
  for (const name of ["1", "2"]) {
    await writeFile(join(folder, name), content);
    await utimes(join(folder, name), 1e9, 1e9);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** What a fresh server holds for clients that read the head of a response, and nothing more. */
async function heldFor(path: string): Promise<Held> {
  const script = join(import.meta.dirname, "stalled-server.ts");
  const child = fork(script, [folder], { execArgv: ["--import", "tsx"] });
  const sockets: Socket[] = [];
  const held = async (): Promise<Held> => {
    const answered = once(child, "message");
    child.send("");
    return (await answered)[0] as Held;
  };
  try {
    const [port] = (await once(child, "message")) as [number];
    // What a first response loads is no client's.
    await (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { Range: "bytes=0-0" } })).arrayBuffer();
    const idle = await held();
    const reading = Array.from({ length: readers }, async () => {
      const socket = await sendRaw(port, `GET ${path} HTTP/1.1\nHost: localhost\n\n`);
      sockets.push(socket);
      await once(socket, "readable");
    });
    await Promise.all(reading);
    // The buffers of the kernel are full when five looks in a row see the same: a server may not get its turn for a while.
    let now = await held();
    for (let same = 0; same < 4;) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      const before = now;
      now = await held();
      same = Math.abs(now.rss - before.rss) > 500_000 ? 0 : same + 1;
    }
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect((await held()).descriptors).toBe(0), { timeout: 10_000 });
    return { rss: now.rss - idle.rss, descriptors: now.descriptors };
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill();
    await once(child, "exit");
  }
}

it("500 stalled readers of an archive hold no more than 500 of a file, and nothing once they left", async () => {
  const [file, archive] = await Promise.all([heldFor("/file"), heldFor("/archive")]);
  expect(archive.descriptors).toBeLessThanOrEqual(file.descriptors);
  // 10 MB for the lists of members.
  expect(archive.rss).toBeLessThan(file.rss * 1.25 + 10e6);
  expect(archive.rss).toBeLessThan(100e6);
}, 60_000);
