import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, createServer as createTCPServer, type AddressInfo } from "node:net";
import { mkdir, mkdtemp, readFile, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArchiveDownloadView, ArchiveFile } from "../../src/archive/index.ts";
import { LocalFile, readOpened } from "../../src/index.ts";
import { toNodeHandler } from "../../src/adapters/node/index.ts";
import { requires } from "../support/requires.ts";
import { run } from "./readers.ts";

const present = ["curl", "wget", "aria2c"]
  .map((name) => requires(name, "apt-get install curl wget aria2"))
  .every(Boolean);

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "archive-clients-"))));
afterAll(() => rm(folder, { recursive: true }));

/** `THOROUGH=1` cuts each download 200 times, and changes members 500 times. */
const isThorough = process.env["THOROUGH"] === "1";
const cutCount = isThorough ? 200 : 15;
const roundCount = isThorough ? 100 : 12;

const long = new Date("2020-01-01T00:00:00Z");

/** The same bytes for the same seed. */
function bytesOf(seed: string, length: number): Buffer {
  const block = createHash("sha256").update(seed).digest();
  return Buffer.concat(Array.from({ length: Math.ceil(length / 32) + 1 }, () => block)).subarray(0, length);
}

async function member(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await utimes(path, long, long);
  return path;
}

async function bytesOfArchive(archive: ArchiveFile): Promise<Buffer> {
  const opened = await archive.open();
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened)) chunks.push(chunk);
  await opened.close();
  return Buffer.concat(chunks);
}

async function listen(server: Server | ReturnType<typeof createTCPServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe.runIf(present).each(["zip", "tar"] as const)(
  "a %s whose connection is cut again and again is whole in the end:",
  (format) => {
    let whole: Buffer;
    let url: string;
    let server: Server;
    let proxy: ReturnType<typeof createTCPServer>;
    /** How many bytes the next connections get. Then they are not cut any more. */
    let cuts: number[] = [];
    let connections = 0;

    beforeAll(async () => {
      const paths = await Promise.all(
        Array.from({ length: 30 }, (_, at) => member(`${format}-${at}.bin`, bytesOf(`${at}`, (at * 7919) % 300_000))),
      );
      const getEntries = () =>
        paths.map((path) => ({ name: `files/${path.slice(folder.length + 1)}`, file: new LocalFile(path) }));
      whole = await bytesOfArchive(new ArchiveFile(getEntries(), { format }));
      server = createServer(toNodeHandler(ArchiveDownloadView.asView({ format, getEntries })));
      const port = await listen(server);
      proxy = createTCPServer((client) => {
        connections += 1;
        const upstream = connect(port, "127.0.0.1");
        const end = (): void => void (client.destroy(), upstream.destroy());
        let left = cuts.shift() ?? Infinity;
        for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
        client.pipe(upstream);
        upstream.on("data", (bytes: Buffer) => {
          if (left <= 0) return;
          client.write(bytes.subarray(0, left));
          left -= bytes.byteLength;
          if (left <= 0) client.destroySoon();
        });
      });
      url = `http://127.0.0.1:${await listen(proxy)}/`;
    });
    afterAll(() => {
      proxy.close();
      server.close();
      server.closeAllConnections();
    });

    /** Spread over the whole, and some soon after the head: curl takes a head that is cut for a body without bytes. */
    const makeCuts = (count: number): number[] =>
      Array.from({ length: count }, (_, at) =>
        at % 10 === 0 ? 700 : Math.ceil((whole.length / count) * (0.3 + (at % 7) / 7)),
      );

    it.each<[string, (out: string) => readonly string[]]>([
      ["curl", (out) => ["curl", "-sS", "-f", "-C", "-", "-o", out, url]],
      ["wget", (out) => ["wget", "-q", "-c", "--tries=0", "--waitretry=0.01", "--retry-connrefused", "-O", out, url]],
      [
        "aria2c",
        (out) => [
          ..."aria2c -q --no-conf -x16 -s16 -k1M --max-tries=0 --retry-wait=0 --allow-overwrite=true -d".split(" "),
          folder,
          "-o",
          out.slice(folder.length + 1),
          url,
        ],
      ],
    ])(
      `%s, after ${cutCount} cuts`,
      async (name, command) => {
        cuts = makeCuts(cutCount);
        connections = 0;
        const out = join(folder, `${format}-${name}`);
        const [program = "", ...args] = command(out);
        let code: number | null = 1;
        for (let attempt = 0; code !== 0 && attempt < 2 * cutCount; attempt += 1) ({ code } = await run(program, args));
        expect(code).toBe(0);
        expect(connections).toBeGreaterThan(cutCount / 2);
        expect((await readFile(out)).equals(whole)).toBe(true);
      },
      isThorough ? 600_000 : 60_000,
    );
  },
);

describe("a member that changes while it is downloaded", () => {
  const changes: readonly [string, (path: string) => Promise<unknown>][] = [
    ["is replaced", async (path) => rename(await member("replacement", bytesOf("other", 700_000)), path)],
    ["is written over", (path) => writeFile(path, bytesOf("other", 700_000))],
    ["is truncated", (path) => truncate(path, 300_000)],
    ["grows", (path) => writeFile(path, bytesOf("more", 10), { flag: "a" })],
    ["is deleted", (path) => rm(path)],
  ];

  it.each(changes)(
    "breaks the download or leaves it whole when it %s, at whatever moment",
    async (_, change) => {
      await mkdir(join(folder, "changing"), { recursive: true });
      let broken = 0;
      for (let round = 0; round < roundCount; round += 1) {
        const names = ["changing/1", "changing/2", "changing/3"];
        const paths = await Promise.all(names.map((name) => member(name, bytesOf(name, 700_000))));
        const make = (): ArchiveFile =>
          new ArchiveFile(paths.map((path) => ({ name: path.slice(folder.length + 1), file: new LocalFile(path) })));
        const whole = await bytesOfArchive(make());
        const opened = await make().open();
        const chunks: Uint8Array[] = [];
        let received = 0;
        const moment = (whole.length / roundCount) * round;
        let changed: Promise<unknown> | undefined;
        try {
          for await (const chunk of readOpened(opened)) {
            chunks.push(chunk);
            received += chunk.byteLength;
            if (received > moment) changed ??= change(paths[1 + (round % 3 === 0 ? 0 : 1)]!);
            // In some rounds the change is over when the next byte is read, in others it goes on meanwhile.
            if (round % 2 === 0) await changed;
          }
          expect(Buffer.concat(chunks).equals(whole)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({
            name: expect.stringMatching(/^(FileChanged|IncompleteBody|FileNotFound)Error$/),
          });
          broken += 1;
        } finally {
          await opened.close();
          await changed;
        }
      }
      expect(broken).toBeGreaterThan(0);
      expect(broken).toBeLessThan(roundCount);
    },
    isThorough ? 600_000 : 20_000,
  );
});
