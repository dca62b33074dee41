import { readOpened } from "downloadview";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { download, HTTPDownloadView } from "downloadview";
import { respond } from "../views/respond.ts";
import { message, startUpstream, type Talk, type Upstream } from "./upstream.ts";

/** What a client gets of a file whose server answers with `bytes`, and, unless told otherwise, hangs up. */
async function served(bytes: Buffer, { hangUp = true, maxBytes }: { hangUp?: boolean; maxBytes?: number } = {}) {
  const talk: Talk = (socket) => void (hangUp ? socket.end(bytes) : socket.write(bytes));
  const upstream = await startUpstream(talk);
  const file = upstream.file("/file.bin", { timeout: 500, idleTimeout: 200, ...(maxBytes && { maxBytes }) });
  const response = await respond(async () => download(file));
  return { response, upstream };
}

async function textAndEnd({ response, upstream }: { response: Response; upstream: Upstream }): Promise<string> {
  await using _ = upstream;
  const text = await response.text().catch((error: Error) => `broken: ${error.constructor.name}`);
  await upstream.allClosed();
  return text;
}

const gzipped = gzipSync("0123456789");

describe("An upstream whose answer is no HTTP, or none that makes sense, is a 502", () => {
  it.each<[string, Buffer]>([
    ["nothing at all", Buffer.of()],
    ["another protocol", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
    ["a head that is cut", Buffer.from("HTTP/1.1 200 OK\r\nContent-Le")],
    ["a head without end", message(`HTTP/1.1 200 OK\nX-Long: ${"x".repeat(100_000)}`)],
    ["a length that is no number", message("HTTP/1.1 200 OK\nContent-Length: ten", "0123456789")],
    ["a negative length", message("HTTP/1.1 200 OK\nContent-Length: -1", "0123456789")],
    ["two lengths", message("HTTP/1.1 200 OK\nContent-Length: 4\nContent-Length: 5", "01234")],
    [
      "a length and chunks",
      message("HTTP/1.1 200 OK\nContent-Length: 4\nTransfer-Encoding: chunked", "4\r\n0123\r\n0\r\n\r\n"),
    ],
    ["status 999", message("HTTP/1.1 999 No")],
    ["status 304, unasked", message("HTTP/1.1 304 Not Modified")],
    ["another protocol to switch to", message("HTTP/1.1 101 Switching Protocols\nUpgrade: h2c\nConnection: Upgrade")],
    ["a redirect to nowhere", message("HTTP/1.1 302 Found\nContent-Length: 0")],
    ["gzip that is none", message("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 10", "0123456789")],
    [
      "a part that nobody asked for",
      message("HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-1/4\nContent-Length: 2", "01"),
    ],
  ])("%s", async (_, bytes) => {
    const { response, upstream } = await served(bytes);
    expect(response.status).toBe(502);
    expect([...response.headers.values()].join()).not.toContain(upstream.host);
    expect(await textAndEnd({ response, upstream })).toBe("Bad Gateway\n");
  });
});

describe("An upstream whose body is not what its head says", () => {
  it.each<[string, Buffer]>([
    ["ends before its length", message("HTTP/1.1 200 OK\nContent-Length: 10", "0123")],
    ["ends within a chunk", message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "a\r\n0123")],
    ["ends before the last chunk", message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "4\r\n0123\r\n")],
    ["has chunks that are none", message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "4\r\n0123\r\nwhat?\r\n")],
    ["is half a gzip", message("HTTP/1.1 200 OK\nContent-Encoding: gzip", gzipped.subarray(0, 15))],
  ])("%s: the download breaks", async (_, bytes) => {
    const { response, upstream } = await served(bytes);
    expect(response.status).toBe(200);
    expect(await textAndEnd({ response, upstream })).toMatch(/^broken/);
  });

  it("goes on after its length: it is cut, and no other download gets the rest", async () => {
    const { response, upstream } = await served(message("HTTP/1.1 200 OK\nContent-Length: 4", "0123456789"), {
      hangUp: false,
    });
    expect(response.headers.get("Content-Length")).toBe("4");
    expect(await response.text()).toBe("0123");
    const again = await respond(async () => download(upstream.file("/file.bin")));
    expect(await textAndEnd({ response: again, upstream })).toBe("0123");
    expect(upstream.connections()).toBe(2);
  });

  it("has no length: it ends where the connection does", async () => {
    const { response, upstream } = await served(message("HTTP/1.0 200 OK", "0123"));
    expect(response.headers.get("Content-Length")).toBeNull();
    expect(await textAndEnd({ response, upstream })).toBe("0123");
  });

  it.each<[string, Buffer]>([
    ["gzip", gzipped],
    ["x-gzip", gzipped],
    ["gzip, gzip", gzipSync(gzipped)],
    ["aws-chunked", Buffer.from("0123456789")],
  ])("is encoded, although it was asked not to be (%s): the file is what is in it", async (coding, body) => {
    const head = `HTTP/1.1 200 OK\nContent-Encoding: ${coding}\nContent-Length: ${body.length}\nETag: "v1"`;
    const { response, upstream } = await served(message(head, body));
    expect(response.headers.get("Content-Encoding")).toBeNull();
    expect([null, "10"]).toContain(response.headers.get("Content-Length"));
    expect(await textAndEnd({ response, upstream })).toBe("0123456789");
    expect(upstream.requests[0]).toMatch(/^accept-encoding: identity$/im);
  });
});

describe("maxBytes", () => {
  const text = "0123456789";
  const part = "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-3";

  it.each<[string, Buffer]>([
    ["a length", message("HTTP/1.1 200 OK\nContent-Length: 10", text)],
    ["the length of the whole", message(`${part}/10\nContent-Length: 4`, "0123")],
  ])("refuses a file that is said to be larger by %s", async (_, bytes) => {
    const { response, upstream } = await served(bytes, { maxBytes: 9 });
    expect(response.status).toBe(502);
    expect(await textAndEnd({ response, upstream })).toBe("Bad Gateway\n");
  });

  it.each<[string, Buffer]>([
    ["without a length", message("HTTP/1.0 200 OK", text)],
    ["in chunks", message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", `a\r\n${text}\r\n0\r\n\r\n`)],
    ["compressed", message("HTTP/1.1 200 OK\nContent-Encoding: gzip", gzipSync("0".repeat(1000)))],
  ])("refuses a file whose first piece is larger, %s", async (_, bytes) => {
    const { response, upstream } = await served(bytes, { maxBytes: 9 });
    expect(response.status).toBe(502);
    expect(await textAndEnd({ response, upstream })).toBe("Bad Gateway\n");
  });

  it("breaks the download of a file that turns out larger under way", async () => {
    await using upstream = await startUpstream((socket) => void socket.write(message("HTTP/1.0 200 OK", "01234")));
    const opened = await upstream.file("/", { maxBytes: 9 }).open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toHaveLength(5);
    for (const socket of upstream.sockets) socket.write("56789");
    await expect(chunks.next()).rejects.toMatchObject({ name: "IncompleteBodyError" });
    await upstream.allClosed();
  });

  it.each<[string, Buffer]>([
    ["with a length", message("HTTP/1.1 200 OK\nContent-Length: 10", text)],
    ["without one", message("HTTP/1.0 200 OK", text)],
  ])("lets a file pass that has just as many, %s", async (_, bytes) => {
    expect(await textAndEnd(await served(bytes, { maxBytes: 10 }))).toBe(text);
  });

  it("does not wait for a file that is too large", async () => {
    const head = message("HTTP/1.1 200 OK\nContent-Length: 10");
    const { response, upstream } = await served(head, { maxBytes: 9, hangUp: false });
    expect(response.status).toBe(502);
    expect(await textAndEnd({ response, upstream })).toBe("Bad Gateway\n");
  });

  it("counts from the beginning of the file, also for a part of it", async () => {
    await using upstream = await startUpstream((socket) =>
      socket.end(message("HTTP/1.1 206 Partial Content\nContent-Range: bytes 6-9/*", "6789")),
    );
    const read = async (maxBytes: number): Promise<string> => {
      await using opened = await upstream.file("/", { maxBytes }).open({ range: { start: 6, end: 9 } });
      let text = "";
      for await (const chunk of readOpened(opened, { start: 6, end: 9 })) text += Buffer.from(chunk).toString();
      return text;
    };
    expect(await read(10)).toBe("6789");
    await expect(read(9)).rejects.toMatchObject({ name: "IncompleteBodyError" });
  });

  it("is an option of the view", async () => {
    await using upstream = await startUpstream((socket) =>
      socket.end(message("HTTP/1.1 200 OK\nContent-Length: 10", text)),
    );
    const options = { url: `${upstream.url}/a.txt`, allowedHosts: [upstream.host] };
    expect((await respond(HTTPDownloadView.asView({ ...options, maxBytes: 9 }))).status).toBe(502);
    expect((await respond(HTTPDownloadView.asView({ ...options, maxBytes: 10 }))).status).toBe(200);
  });
});
