import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type Route } from "./ask.ts";
import { bodyAfterHead } from "./head-body.ts";

/** The names that clients asked for before TLS was set up. The server has no certificate: each handshake fails. */
let names: string[];
const server = createServer({
  SNICallback(name, done) {
    names.push(name);
    done(new Error("no certificate"));
  },
});
beforeEach(async () => {
  names = [];
  server.listen(0);
  await once(server, "listening");
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

describe("the name for TLS", () => {
  const forged = { Host: "downloadview" };
  it.each<[string, string, Readonly<Record<string, string>>, Route, string[]]>([
    ["is the URL's", "localhost", {}, {}, ["localhost"]],
    ["is the URL's, if a question forges the Host", "localhost", forged, {}, ["localhost"]],
    ["is that of the route", "localhost", {}, { host: "files.example:8443" }, ["files.example"]],
    [
      "is that of the route, if a question forges the Host",
      "127.0.0.1",
      forged,
      { host: "files.example" },
      ["files.example"],
    ],
    ["is not there for an address", "127.0.0.1", {}, {}, []],
    ["is not there for an address, if a question forges the Host", "127.0.0.1", forged, {}, []],
  ])("%s", async (_, hostname, headers, route, expected) => {
    const base = new URL(`https://${hostname}:${(server.address() as AddressInfo).port}`);
    await expect(ask(base, { path: "/", headers }, route)).rejects.toThrow();
    expect(names).toEqual(expected);
    if (headers === forged) return;
    await expect(bodyAfterHead(base, "/", route)).rejects.toThrow();
    expect(names).toEqual([...expected, ...expected]);
  });
});
