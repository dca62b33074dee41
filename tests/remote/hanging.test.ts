import { readOpened } from "downloadview";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { download, HTTPDownloadView, HTTPFile } from "downloadview";
import { respond } from "../views/respond.ts";
import { until } from "../support/sockets.ts";
import { answered, message, startUpstream } from "./upstream.ts";

const served = async (file: HTTPFile): Promise<[number, string]> => answered(await respond(async () => download(file)));

/** The connections of this process, to whatever host. */
function ownConnections(): number {
  return process.getActiveResourcesInfo().filter((kind) => ["TCPSocketWrap", "TCPConnectWrap"].includes(kind)).length;
}

/** A port of this machine that takes no further connection: those that nobody accepts fill its queue. */
async function fullPort(): Promise<{ port: number } & AsyncDisposable> {
  const script = `const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      require("node:fs").writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ["--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const queue: Socket[] = [];
  let connected = 0;
  for (let count = 0; count < 4; count += 1) {
    const socket = connect(Number(port), "127.0.0.1", () => (connected += 1));
    queue.push(socket.on("error", () => undefined));
  }
  await until(() => connected >= 2);
  return {
    port: Number(port),
    async [Symbol.asyncDispose]() {
      for (const socket of queue) socket.destroy();
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

describe("An upstream that is silent", () => {
  it("about its address is a 504", async () => {
    const resolve = (): Promise<string[]> => new Promise(() => undefined);
    const before = ownConnections();
    expect(await served(new HTTPFile("http://files.example/", { resolve, connectTimeout: 30 }))).toEqual([
      504,
      "Gateway Timeout\n",
    ]);
    await until(() => ownConnections() <= before);
  });

  it("when it is connected to is a 504", async () => {
    await using server = await fullPort();
    const host = `127.0.0.1:${server.port}`;
    const before = ownConnections();
    const file = new HTTPFile(`http://${host}/`, { allowedHosts: [host], connectTimeout: 50 });
    expect(await served(file)).toEqual([504, "Gateway Timeout\n"]);
    await until(() => ownConnections() <= before);
  });

  it("when it is greeted is a 504", async () => {
    await using upstream = await startUpstream(() => undefined);
    const file = new HTTPFile(`https://${upstream.host}/`, { allowedHosts: [upstream.host], connectTimeout: 50 });
    expect(await served(file)).toEqual([504, "Gateway Timeout\n"]);
    expect(upstream.connections()).toBe(1);
    await upstream.allClosed();
  });

  it.each<[string, Buffer]>([
    ["", Buffer.of()],
    [" after its first bytes", Buffer.from("HTTP/1.1 200 OK\r\nContent-")],
    [" but for a promise", message("HTTP/1.1 103 Early Hints")],
  ])("when it is asked%s is a 504", async (_, bytes) => {
    await using upstream = await startUpstream((socket) => void socket.write(bytes));
    expect(await served(upstream.file("/", { timeout: 50 }))).toEqual([504, "Gateway Timeout\n"]);
    await upstream.allClosed();
  });

  it("after its head is a 504", async () => {
    const head = message("HTTP/1.1 200 OK\nContent-Length: 10");
    await using upstream = await startUpstream((socket) => void socket.write(head));
    expect(await served(upstream.file("/", { idleTimeout: 50 }))).toEqual([504, "Gateway Timeout\n"]);
    await upstream.allClosed();
  });

  it.each<[string, Buffer]>([
    ["with a length", message("HTTP/1.1 200 OK\nContent-Length: 10", "0123")],
    ["in chunks", message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "4\r\n0123\r\n")],
    ["until it closes", message("HTTP/1.0 200 OK", "0123")],
  ])("within its body, sent %s, breaks the download", async (_, bytes) => {
    await using upstream = await startUpstream((socket) => void socket.write(bytes));
    const response = await respond(async () => download(upstream.file("/", { idleTimeout: 50 })));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    await upstream.allClosed();
  });

  it("within its body is asked again for the rest, if the file is provably the same", async () => {
    const fields = 'ETag: "v1"\nAccept-Ranges: bytes';
    await using upstream = await startUpstream((socket, head) => {
      const isResumed = /^range: bytes=4-/im.test(head);
      if (!isResumed) socket.write(message(`HTTP/1.1 200 OK\n${fields}\nContent-Length: 10`, "0123"));
      else
        socket.end(
          message(`HTTP/1.1 206 Partial Content\n${fields}\nContent-Range: bytes 4-9/10\nContent-Length: 6`, "456789"),
        );
    });
    expect(await served(upstream.file("/", { idleTimeout: 50 }))).toEqual([200, "0123456789"]);
    await upstream.allClosed();
  });

  it("is waited for as long as the view says", async () => {
    await using upstream = await startUpstream(() => undefined);
    const options = { url: `${upstream.url}/`, allowedHosts: [upstream.host] };
    const response = await respond(HTTPDownloadView.asView({ ...options, timeout: 30 }));
    expect(response.status).toBe(504);
    await upstream.allClosed();
  });
});

describe("A client that takes its time", () => {
  it("is no silence of the upstream", async () => {
    await using upstream = await startUpstream((socket) => {
      socket.end(message("HTTP/1.1 200 OK\nContent-Length: 8000000", Buffer.alloc(8_000_000)));
    });
    await using opened = await upstream.file("/", { idleTimeout: 60 }).open();
    let read = 0;
    for await (const chunk of readOpened(opened)) {
      if (read === 0) await new Promise((resolve) => setTimeout(resolve, 150));
      read += chunk.byteLength;
    }
    expect(read).toBe(8_000_000);
  });

  it("does not make the upstream fill our memory", async () => {
    let sent = 0;
    await using upstream = await startUpstream((socket) => {
      socket.write(message("HTTP/1.1 200 OK"));
      const chunk = Buffer.alloc(65_536);
      const fill = (): void => {
        while (socket.write(chunk)) sent += chunk.length;
        sent += chunk.length;
      };
      socket.on("drain", fill);
      fill();
    });
    await using opened = await upstream.file("/").open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    let before = -1;
    // What the kernel buffers is a few megabytes; then nothing moves any more.
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(64_000_000);
    expect(sent).toBeLessThan(32_000_000);
  });

  it("and then leaves frees the upstream", async () => {
    await using upstream = await startUpstream((socket) => void socket.write(message("HTTP/1.1 200 OK", "begin")));
    const response = await respond(async () => download(upstream.file("/")));
    await response.body?.cancel();
    await upstream.allClosed();
  });
});
