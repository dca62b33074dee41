import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineConfig } from "../config/downloadview-config.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { diagnose } from "./diagnose.ts";

const origin = "https://app.example";
const all = "Content-Disposition, Content-Length, Content-Range, ETag";

class Bucket extends MemoryStorage {
  base = "";
  url(name: string): string {
    return `${this.base}/${name}?signature=secret`;
  }
}

describe("the preflight of a bucket", () => {
  const storage = new Bucket();
  let status = 204;
  let fields: Record<string, string> = {};
  const server = createServer((request, response) => {
    response.writeHead(request.method === "OPTIONS" ? status : 206, fields).end();
  });
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    storage.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const right = {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Headers": "Range, If-Range",
    "Access-Control-Expose-Headers": all,
  };

  it.each<[string, number, Record<string, string>, string | undefined]>([
    ["the origin and all fields", 204, right, undefined],
    ["any origin", 200, { ...right, "Access-Control-Allow-Origin": "*" }, undefined],
    [
      "all fields by a star",
      200,
      { ...right, "Access-Control-Expose-Headers": "*", "Access-Control-Allow-Headers": "*" },
      undefined,
    ],
    ["no rule at all", 403, {}, "403"],
    [
      "another origin",
      204,
      { ...right, "Access-Control-Allow-Origin": "https://other.example" },
      "Access-Control-Allow-Origin: https://other.example",
    ],
    [
      "no Range",
      204,
      { ...right, "Access-Control-Allow-Headers": "Authorization" },
      "Access-Control-Allow-Headers: Authorization",
    ],
    [
      "no field exposed",
      204,
      { ...right, "Access-Control-Expose-Headers": "Date" },
      "Access-Control-Expose-Headers: Date",
    ],
  ])("that allows %s", async (_, answer, answered, fault) => {
    [status, fields] = [answer, answered];
    const config = defineConfig({
      backend: "none",
      rules: [],
      storages: { media: storage },
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
    const { results } = await diagnose(config, { app: "http://127.0.0.1:1", origin });
    const found = results.find(({ check }) => check === "storage-cross-origin");
    expect(found?.outcome).toBe(fault === undefined ? "pass" : "fail");
    expect(found?.actual).toBe(fault);
    if (fault === undefined) return;
    expect(found?.side).toBe("storage");
    expect(found?.remedy).toContain(`"AllowedOrigins":["${origin}"]`);
    expect(JSON.stringify(found)).not.toContain("secret");
  });
});
