import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  download,
  LocalFile,
  VirtualFile,
  type DownloadFile,
  type DownloadHandler,
  type DownloadOutcome,
} from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { limitDownloads, type LimitDownloadsOptions } from "downloadview/limits";
import { toNodeHandler } from "downloadview/node";

const size = 32 * 1024 * 1024;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-slow-"));
  await writeFile(join(folder, "large.bin"), Buffer.alloc(size));
});
afterAll(() => rm(folder, { recursive: true }));

const files: readonly (readonly [what: string, file: () => DownloadFile])[] = [
  ["a file on the disk", () => new LocalFile(join(folder, "large.bin"))],
  ["bytes in memory", () => new VirtualFile(new Uint8Array(size), { name: "a.bin" })],
  [
    "a stream",
    () =>
      new VirtualFile(
        async function* () {
          for (let at = 0; at < size; at += 65_536) yield new Uint8Array(65_536);
        },
        { name: "a.bin", size },
      ),
  ],
];

/** A view with limits, and the end of its download. */
function limited(
  file: () => DownloadFile,
  options: LimitDownloadsOptions,
): { view: DownloadHandler; end: Promise<DownloadOutcome> } {
  let resolve!: (outcome: DownloadOutcome) => void;
  const end = new Promise<DownloadOutcome>((settle) => (resolve = settle));
  const view: DownloadHandler = async () => download(file(), { onFinish: (outcome) => resolve(outcome) });
  return { view: limitDownloads(view, options), end };
}

async function listening(view: DownloadHandler): Promise<Server> {
  const server = createServer(toNodeHandler(view)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe.concurrent.each(files)("a client that stops to read %s", (_, file) => {
  it("loses its connection, on Node", async () => {
    const { view, end } = limited(file, { idle: 1 });
    const server = await listening(view);
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "readable");
    const { kind, bytesSent } = await end;
    expect(kind).toBe("aborted");
    expect(bytesSent).toBeLessThan(size);
    socket.destroy();
    server.close();
  });

  it("gets an error, as a web response", async () => {
    const { view, end } = limited(file, { idle: 1 });
    const { body } = await toFetchHandler(view)(new Request("http://localhost/"));
    const reader = body!.getReader();
    await reader.read();
    expect((await end).kind).toBe("aborted");
    await expect(reader.read()).rejects.toThrow("The client reads too slowly");
  });
});

it.concurrent("a slow source is not a slow reader, and a reader at a limited rate neither", async () => {
  const slow = (): DownloadFile =>
    new VirtualFile(
      async function* () {
        yield new Uint8Array(10);
        await new Promise((resolve) => setTimeout(resolve, 2500));
        yield new Uint8Array(10);
      },
      { name: "a", size: 20 },
    );
  const limits: [file: () => DownloadFile, options: LimitDownloadsOptions][] = [
    [slow, { idle: 1 }],
    [() => new VirtualFile(new Uint8Array(20), { name: "a" }), { idle: 1, rate: 8, minimumRate: 1000 }],
  ];
  await Promise.all(
    limits.map(async ([file, options]) => {
      const { view, end } = limited(file, options);
      const server = await listening(view);
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      expect((await response.arrayBuffer()).byteLength).toBe(20);
      expect((await end).kind).toBe("completed");
      server.close();
    }),
  );
});
