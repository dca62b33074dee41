import { readOpened } from "downloadview";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get as request } from "node:https";
import { text } from "node:stream/consumers";
import { FileNotFoundError, UpstreamError } from "downloadview";
import { AzureStorage } from "downloadview/azure";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";
import { describeStorage } from "./contract.ts";
import { collect, describeDocuments, describeObjectDownloads, type RunningStore } from "./object-store-contract.ts";
import {
  azuriteIsThere,
  startAzurite,
  startAzuriteWithTokens,
  type AzuriteServer,
  type ContainerOptions,
} from "./support/azurite.ts";

describe.skipIf(!requires(azuriteIsThere, "npm ci --prefix tests/storages/servers"))("AzureStorage", () => {
  let azurite: AzuriteServer;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite?.[Symbol.asyncDispose]());

  const storageAt = (name: string, options?: ContainerOptions): AzureStorage =>
    new AzureStorage(azurite.container(name, options));
  const makeStorage = async (): Promise<AzureStorage> => storageAt(await azurite.makeContainer());

  describeStorage(
    "on Azurite",
    async () => {
      const container = azurite.container(await azurite.makeContainer());
      return { storage: new AzureStorage(container, { prefix: "media" }), dispose: async () => {} };
    },
    { keepsContentType: true, keys: "slashes" },
  );

  const running = (): RunningStore => ({
    port: azurite.port,
    async makeStorages({ url }) {
      const name = await azurite.makeContainer();
      return { direct: storageAt(name), proxied: storageAt(name, { url }) };
    },
  });
  describeObjectDownloads(running);
  describeDocuments(running);

  it("keeps a file of several blocks", async () => {
    const storage = await makeStorage();
    const chunk = new Uint8Array(1 << 20).fill(7);
    await storage.save(
      "large",
      Array.from({ length: 17 }, () => chunk),
    );
    await using opened = await storage.open("large", { range: { suffix: 3 } });
    expect(opened.stat.size).toBe(17 << 20);
    const end = opened.stat.size! - 1;
    expect([...(await collect(readOpened(opened, { start: end - 2, end })))]).toEqual([7, 7, 7]);
  });

  it("finds no file with a wrong key, and the log says why", async () => {
    const storage = storageAt(await azurite.makeContainer(), { key: "d3Jvbmc=" });
    const failure = await storage.open("a").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FileNotFoundError);
    expect(String((failure as Error).cause)).toMatch(/: 403 /);
    await expect(storage.save("a", "x")).rejects.toThrow(UpstreamError);
  });

  it.each([
    [503, "ServerBusy", 503, "17"],
    [500, "InternalError", 502, "5"],
  ])("answers %i %s with %i and Retry-After", async (status, code, answered, retryAfter) => {
    await using server = await listen((_, response) => {
      response.writeHead(status, { "x-ms-error-code": code, ...(status === 503 && { "Retry-After": "17" }) }).end();
    });
    const storage = storageAt("container", { url: server.url, retryOptions: { maxTries: 1 } });
    const failure = await storage.open("a").catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "UpstreamError", status: answered, headers: { "Retry-After": retryAfter } });
  });

  describe("url", () => {
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

    it("is signed with a user delegation key where there is a token and no account key", async () => {
      await using tokens = await startAzuriteWithTokens();
      const { service } = tokens;
      const container = service.getContainerClient("delegated");
      await container.create();
      const asked = vi.spyOn(service, "getUserDelegationKey");
      const storage = new AzureStorage(container, { service, prefix: "media" });
      await storage.save("ä b/100%.txt", "hello");
      const contentDisposition = `attachment; filename="a; b.txt"; filename*=UTF-8''%C3%A4.txt`;
      const options = { expiresIn: 600, contentDisposition, contentType: "text/csv" };
      const [url, again] = await Promise.all([
        storage.url("ä b/100%.txt", options),
        storage.url("ä b/100%.txt", options),
      ]);
      expect(again).toBe(url);
      const answer = await getTrusting(url);
      expect(answer).toMatchObject({ status: 200, text: "hello", type: "text/csv", disposition: contentDisposition });
      expect(await getTrusting(url.replace("csv", "html"))).toMatchObject({ status: 403 });
      expect(new URL(url).searchParams.get("skoid")).toBe("22222222-2222-2222-2222-222222222222");
      // A day of URLs by one key, and a week at most.
      await storage.url("a", { expiresIn: 80_000 });
      expect(asked).toHaveBeenCalledTimes(1);
      await storage.url("a", { expiresIn: 6 * 86_400 });
      expect(asked).toHaveBeenCalledTimes(2);
      const [begin = 0, end = 0] = (asked.mock.lastCall as unknown as [Date, Date]).map(Number);
      expect(end - begin).toBeLessThanOrEqual(7 * 86_400_000);
      await expect(new AzureStorage(container).url("a", { expiresIn: 600 })).rejects.toThrow(UpstreamError);
    });

    it("asks for a key again when it got none", async () => {
      await using tokens = await startAzuriteWithTokens();
      const { service } = tokens;
      vi.spyOn(service, "getUserDelegationKey").mockRejectedValueOnce(new Error("unreachable"));
      const storage = new AzureStorage(service.getContainerClient("delegated"), { service });
      await expect(storage.url("a", { expiresIn: 600 })).rejects.toThrow(UpstreamError);
      expect(await storage.url("a", { expiresIn: 600 })).toMatch(/&sig=/);
    });

    it("is the same within a window", async () => {
      const storage = await makeStorage();
      const urls = [await storage.url("a", { expiresIn: 86_400 }), await storage.url("a", { expiresIn: 86_400 })];
      expect(urls[0]).toBe(urls[1]);
    });
  });
});

/** Through the agent that trusts Azurite's certificate. */
async function getTrusting(url: string): Promise<Record<"status" | "text" | "type" | "disposition", unknown>> {
  const [answer] = (await once(request(url), "response")) as [IncomingMessage];
  const { "content-type": type, "content-disposition": disposition } = answer.headers;
  return { status: answer.statusCode, type, disposition, text: await text(answer) };
}
