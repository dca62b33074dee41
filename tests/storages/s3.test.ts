import { readOpened } from "downloadview";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { FileNotFoundError, UpstreamError } from "downloadview";
import { S3Storage } from "downloadview/s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";
import { describeStorage } from "./contract.ts";
import { collect, describeDocuments, describeObjectDownloads, type RunningStore } from "./object-store-contract.ts";
import { startSwift, type SwiftServer } from "./support/swift.ts";

const packages = "swift-proxy swift-account swift-container swift-object memcached";

describe.skipIf(!requires("swift-proxy-server", `apt-get install ${packages}`))("S3Storage", () => {
  let swift: SwiftServer;
  beforeAll(async () => {
    swift = await startSwift();
  });
  afterAll(() => swift?.[Symbol.asyncDispose]());

  const makeStorage = async (config?: S3ClientConfig, bucket?: string): Promise<S3Storage> =>
    new S3Storage(swift.client(config), { bucket: bucket ?? (await swift.makeBucket()) });

  describeStorage(
    "on Swift",
    async () => {
      const client = swift.client();
      const storage = new S3Storage(client, { bucket: await swift.makeBucket(), prefix: "media" });
      return { storage, dispose: async () => client.destroy() };
    },
    // Swift knows no conditional writes.
    { keepsContentType: true, exclusiveSaves: false, keys: "slashes and backslashes" },
  );

  const running = (): RunningStore => ({
    port: swift.port,
    async makeStorages({ url }) {
      const bucket = await swift.makeBucket();
      return { direct: await makeStorage({}, bucket), proxied: await makeStorage({ endpoint: url }, bucket) };
    },
  });
  describeObjectDownloads(running);
  describeDocuments(running);

  it("keeps a file of several parts", async () => {
    const storage = await makeStorage();
    const chunk = new Uint8Array(1 << 20).fill(7);
    await storage.save(
      "large",
      Array.from({ length: 17 }, () => chunk),
    );
    await using opened = await storage.open("large", { range: { suffix: 3 } });
    expect(opened.stat.size).toBe(17 << 20);
    expect(opened.stat.etag).toMatch(/^".+-3"$/);
    const end = opened.stat.size! - 1;
    expect([...(await collect(readOpened(opened, { start: end - 2, end })))]).toEqual([7, 7, 7]);
  });

  describe("that is refused", () => {
    it.each<[string, S3ClientConfig]>([
      ["for a wrong secret", { credentials: { accessKeyId: "test:tester", secretAccessKey: "wrong" } }],
      ["for an unknown key", { credentials: { accessKeyId: "nobody", secretAccessKey: "wrong" } }],
    ])("%s finds no file, and the log says why", async (_, config) => {
      const storage = await makeStorage(config, await swift.makeBucket());
      for (const attempt of [() => storage.open("a"), () => storage.stat("a")]) {
        const failure = await attempt().catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(FileNotFoundError);
        expect(String((failure as Error).cause)).toContain("403");
      }
    });

    it("does not take an upload that it cannot make for a file that is not there", async () => {
      const storage = await makeStorage({ credentials: { accessKeyId: "test:tester", secretAccessKey: "wrong" } }, "b");
      await expect(storage.save("a", "x")).rejects.toThrow(UpstreamError);
      await expect(storage.delete("a")).rejects.toThrow(UpstreamError);
    });
  });

  describe("url", () => {
    it.each(["a//b", "/a", "a/", "a\\b", "100%", "a+b c", "日本.txt"])(
      "leads to the object of the key %j",
      async (key) => {
        const storage = await makeStorage();
        await storage.save(key, key);
        expect(await (await fetch(await storage.url(key, { expiresIn: 60 }))).text()).toBe(key);
      },
    );

    it("leads to an object of an unknown type as such, and to text as UTF-8", async () => {
      const storage = await makeStorage();
      const typeOf = async (name: string): Promise<string | null> => {
        await storage.save(name, "<a/>");
        return (await fetch(await storage.url(name, { expiresIn: 60 }))).headers.get("content-type");
      };
      expect(await typeOf("data")).toBe("application/octet-stream");
      expect((await typeOf("notes.txt"))?.toLowerCase()).toBe("text/plain; charset=utf-8");
    });

    it("can be fetched by whoever has it, as the type and under the name that it is signed for", async () => {
      const storage = await makeStorage();
      await storage.save("ä b/100%.txt", "hello");
      const contentDisposition = `attachment; filename="a; b.txt"; filename*=UTF-8''%C3%A4.txt`;
      const url = await storage.url("ä b/100%.txt", { expiresIn: 60, contentDisposition, contentType: "text/csv" });
      const answer = await fetch(url);
      expect(await answer.text()).toBe("hello");
      expect(answer.headers.get("content-disposition")).toBe(contentDisposition);
      expect(answer.headers.get("content-type")).toMatch(/^text\/csv/);
      expect((await fetch(url.replace("csv", "html"))).status).toBe(403);
    });

    it("is the same within a window", async () => {
      const storage = await makeStorage();
      const urls = [await storage.url("a", { expiresIn: 86_400 }), await storage.url("a", { expiresIn: 86_400 })];
      expect(urls[0]).toBe(urls[1]);
    });
  });
});

describe("S3Storage on a store that fails", () => {
  const failing = async (status: number, code: string, fields: Record<string, string> = {}): Promise<UpstreamError> => {
    await using server = await listen((_, response) => {
      response.writeHead(status, { "Content-Type": "application/xml", ...fields });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No</Message></Error>`);
    });
    return await storageAt(server.url, 1)
      .open("a")
      .then(
        () => expect.unreachable("should have failed"),
        (error: UpstreamError) => error,
      );
  };

  it.each([
    [503, "SlowDown", 503],
    [503, "ServiceUnavailable", 503],
    [429, "TooManyRequests", 503],
    [500, "InternalError", 502],
    [400, "RequestTimeout", 504],
  ])("answers %i %s with %i and Retry-After", async (status, code, answered) => {
    const failure = await failing(status, code);
    expect(failure).toBeInstanceOf(UpstreamError);
    expect(failure.status).toBe(answered);
    expect(failure.headers).toEqual({ "Retry-After": "5" });
    expect(String(failure.cause)).toContain(`s3://bucket/a: ${status} ${code}`);
  });

  it("passes Retry-After on", async () => {
    expect((await failing(503, "SlowDown", { "Retry-After": "17" })).headers).toEqual({ "Retry-After": "17" });
  });

  it("tries again before the first byte", async () => {
    let requests = 0;
    await using server = await listen((_, response) => {
      requests += 1;
      if (requests < 3) return void response.writeHead(503).end();
      response.writeHead(200, { "Content-Length": 5, ETag: '"v1"' }).end("hello");
    });
    await using opened = await storageAt(server.url, 3).open("a");
    expect(String(await collect(readOpened(opened)))).toBe("hello");
    expect(requests).toBe(3);
  });

  it("answers 502 where nobody listens", async () => {
    const failure = await storageAt("http://127.0.0.1:1", 1)
      .open("a")
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "UpstreamError", status: 502 });
  });

  it("takes over the coding and the validators of an object", async () => {
    const lastModified = "Tue, 14 Nov 2023 22:13:20 GMT";
    await using server = await listen((_, response) => {
      const fields = { ETag: '"abc-3"', "Last-Modified": lastModified, "Content-Encoding": "gzip" };
      response.writeHead(200, { ...fields, "Content-Type": "text/css", "Content-Length": 5 }).end("bytes");
    });
    await using opened = await storageAt(server.url, 1).open("a");
    expect(opened.stat).toEqual({
      size: 5,
      etag: '"abc-3"',
      lastModified: new Date(lastModified),
      contentType: "text/css",
      contentEncoding: "gzip",
    });
  });
});

function storageAt(endpoint: string, maxAttempts: number): S3Storage {
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
  const options = { endpoint, maxAttempts, region: "us-east-1", forcePathStyle: true, credentials };
  return new S3Storage(new S3Client(options), { bucket: "bucket" });
}
