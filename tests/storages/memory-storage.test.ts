import { expect, it } from "vitest";
import { MemoryStorage } from "../../src/storages/memory-storage.ts";
import { describeStorage } from "./contract.ts";

describeStorage("MemoryStorage", async () => ({ storage: new MemoryStorage(), dispose: async () => {} }), {
  keepsContentType: true,
});

it("MemoryStorage gives the same content the same strong tag, in whatever process", async () => {
  const [one, other] = [new MemoryStorage(), new MemoryStorage()];
  await one.save("a", "content");
  await other.save("b", "content");
  const { etag } = await one.stat("a");
  expect(etag).toMatch(/^"/);
  expect((await other.stat("b")).etag).toBe(etag);
});
