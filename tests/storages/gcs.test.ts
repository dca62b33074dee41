import { readOpened } from "downloadview";
import { generateKeyPairSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Storage as GoogleStorage } from "@google-cloud/storage";
import { GCSStorage } from "downloadview/gcs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../support/sockets.ts";
import { describeStorage } from "./contract.ts";
import { collect, describeDocuments, describeObjectDownloads, type RunningStore } from "./object-store-contract.ts";
import { gcsServer } from "./support/gcs-server.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const credentials = {
  client_email: "tests@project.example",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};

let server: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  server = await listen(gcsServer(publicKey));
});
afterAll(() => server[Symbol.asyncDispose]());

let buckets = 0;

function clientAt(apiEndpoint: string, maxRetries = 3): GoogleStorage {
  const retryOptions = { maxRetries };
  return new GoogleStorage({
    apiEndpoint,
    useAuthWithCustomEndpoint: false,
    projectId: "project",
    credentials,
    retryOptions,
  });
}

function makeStorage(url = server.url, bucket = `bucket-${++buckets}`, prefix?: string): GCSStorage {
  return new GCSStorage(clientAt(url), { bucket, prefix });
}

describeStorage(
  "GCSStorage",
  async () => ({ storage: makeStorage(server.url, undefined, "media"), dispose: async () => {} }),
  { keepsContentType: true, keys: "slashes and backslashes" },
);

describe("GCSStorage", () => {
  const running = (): RunningStore => ({
    port: server.port,
    metadataMethod: "GET",
    async makeStorages({ url }) {
      const bucket = `bucket-${++buckets}`;
      return { direct: makeStorage(server.url, bucket), proxied: makeStorage(url, bucket) };
    },
  });
  describeObjectDownloads(running);
  describeDocuments(running);

  it("keeps a file of several chunks", async () => {
    const storage = makeStorage();
    const chunk = new Uint8Array(1 << 20).fill(7);
    await storage.save(
      "large",
      Array.from({ length: 17 }, () => chunk),
      { contentType: "text/csv" },
    );
    await using opened = await storage.open("large", { range: { suffix: 3 } });
    expect(opened.stat).toMatchObject({ size: 17 << 20, contentType: "text/csv" });
    const end = opened.stat.size! - 1;
    expect([...(await collect(readOpened(opened, { start: end - 2, end })))]).toEqual([7, 7, 7]);
  });

  it("gives an object that is kept in a coding as it is", async () => {
    const [client, bytes] = [clientAt(server.url), gzipSync("hello")];
    await client
      .bucket("coded")
      .file("a")
      .save(bytes, { metadata: { contentEncoding: "gzip" }, resumable: false });
    await using opened = await makeStorage(server.url, "coded").open("a");
    expect(opened.stat).toMatchObject({ contentEncoding: "gzip", size: bytes.length });
    expect(await collect(readOpened(opened))).toEqual(bytes);
  });

  it("tries again before the first byte", async () => {
    let requests = 0;
    await using failing = await listen((_, response) => {
      requests += 1;
      if (requests < 3) return void response.writeHead(503).end();
      response.writeHead(200, { "Content-Length": 5, "X-Goog-Generation": "1" }).end("hello");
    });
    await using opened = await makeStorage(failing.url).open("a");
    expect(String(await collect(readOpened(opened)))).toBe("hello");
    expect(requests).toBe(3);
  });

  it.each([
    [429, 503, "17"],
    [503, 503, "17"],
    [500, 502, "17"],
    [504, 504, "17"],
  ])("answers %i with %i and Retry-After", async (status, answered, retryAfter) => {
    await using failing = await listen((_, response) => void response.writeHead(status, { "Retry-After": "17" }).end());
    const storage = new GCSStorage(clientAt(failing.url, 0), { bucket: "bucket" });
    const failure = await storage.open("a").catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "UpstreamError", status: answered, headers: { "Retry-After": retryAfter } });
  });

  it.each([401, 403])("finds no file where it is answered %i, and the log says why", async (status) => {
    await using failing = await listen((_, response) => void response.writeHead(status).end());
    const failure = await makeStorage(failing.url, "b")
      .open("a")
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "FileNotFoundError" });
    expect(String((failure as Error).cause)).toContain(`gs://b/a: ${status}`);
  });

  describe("url", () => {
    it("can be fetched by whoever has it, as the type and under the name that it is signed for", async () => {
      const storage = makeStorage();
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
      const storage = makeStorage();
      const urls = [await storage.url("a", { expiresIn: 86_400 }), await storage.url("a", { expiresIn: 86_400 })];
      expect(urls[0]).toBe(urls[1]);
    });
  });
});
