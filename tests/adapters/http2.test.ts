import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, constants, createServer, type ClientHttp2Session, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  download,
  LocalFile,
  localFileCache,
  VirtualFile,
  type DownloadHandler,
  type DownloadOutcome,
} from "downloadview";
import { send, toHTTP2Handler } from "downloadview/http2";
import type { Http2ServerRequest } from "node:http2";
import { describe, expect, it, vi } from "vitest";
import { until } from "../support/sockets.ts";

interface Connected extends AsyncDisposable {
  readonly session: ClientHttp2Session;
}

async function connected(server: Http2Server): Promise<Connected> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(session, "connect");
  return {
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      server.close();
    },
  };
}

const serving = (handler: DownloadHandler<Http2ServerRequest>): Promise<Connected> =>
  connected(createServer(toHTTP2Handler(handler, { onError: () => undefined })));

describe("a download over HTTP/2", () => {
  it("resets the stream of a body that ends early, after what was read of it", async () => {
    const short = async (): Promise<ReturnType<typeof download>> =>
      download(new VirtualFile(() => ["short"], { name: "x", size: 1000 }));
    await using client = await serving(short);
    const stream = client.session.request({ ":path": "/" });
    stream.on("error", () => undefined);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "close").catch(() => undefined);
    expect([Buffer.concat(chunks).toString(), stream.rstCode]).toEqual(["short", constants.NGHTTP2_INTERNAL_ERROR]);
    // The connection goes on.
    const next = client.session.request({ ":path": "/", ":method": "HEAD" });
    const [headers] = (await once(next, "response")) as [{ ":status": number }];
    expect(headers[":status"]).toBe(200);
  });

  it("gives a file that is asked for again from memory", async () => {
    const folder = await mkdtemp(join(tmpdir(), "http2-"));
    const path = join(folder, "again.bin");
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
    await writeFile(path, bytes);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    try {
      await using client = await serving(async () => download(new LocalFile(path)));
      const before = localFileCache.bytes;
      for (let time = 1; time <= 3; time += 1) {
        const chunks: Buffer[] = [];
        for await (const chunk of client.session.request({ ":path": "/" })) chunks.push(chunk as Buffer);
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      }
      expect(localFileCache.bytes - before).toBe(bytes.byteLength);
    } finally {
      vi.useRealTimers();
      await rm(folder, { recursive: true });
    }
  });

  it("stops, and says so once, when the client resets its stream", async () => {
    const outcomes: DownloadOutcome[] = [];
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(64 * 1024);
    }
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using client = await serving(async () => download(endless, { name: "x", onFinish }));
    const stream = client.session.request({ ":path": "/" });
    await once(stream, "data");
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => outcomes.length > 0);
    expect(outcomes).toMatchObject([{ completed: false }]);
  });

  it("says that it was completed", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    await using client = await serving(async () => download("hello", { name: "x", onFinish }));
    const stream = client.session.request({ ":path": "/" });
    stream.resume();
    await once(stream, "close");
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: 5, completed: true }]);
  });

  it("is sent by an ordinary handler", async () => {
    const server = createServer((request, response) => void send(request, response, download("hello", { name: "x" })));
    await using client = await connected(server);
    const stream = client.session.request({ ":path": "/" });
    const [headers] = (await once(stream, "response")) as [Record<string, string>];
    stream.resume();
    expect([headers["content-length"], headers["connection"]]).toEqual(["5", undefined]);
  });
});
