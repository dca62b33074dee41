import { describe, expect, it } from "vitest";
import type { ServerName } from "../config/server-configuration.ts";
import type { Reply } from "./ask.ts";
import { bystander, serverIn } from "./bystander.ts";

function reply(fields: Readonly<Record<string, string>>): Reply {
  const field = (name: string): string | undefined => fields[name.toLowerCase()];
  const lines = (name: string): string[] => [field(name) ?? []].flat();
  return { status: 200, lines, field, names: Object.keys(fields), body: Buffer.of() };
}

describe("fields that tell of a server in between", () => {
  it.each<[Record<string, string>, Record<string, string>, ServerName | undefined, string | undefined]>([
    [{}, {}, "nginx", undefined],
    [{}, { server: "nginx/1.26.3" }, "nginx", undefined],
    [{}, { server: "openresty/1.27" }, "nginx", undefined],
    [{}, { server: "cloudflare" }, "nginx", "Server: cloudflare"],
    [{}, { server: "Apache/2.4" }, "nginx", "Server: Apache/2.4"],
    [{}, { server: "Apache/2.4" }, undefined, undefined],
    [{ server: "cloudflare" }, { server: "cloudflare" }, "nginx", undefined],
    [{}, { via: "1.1 Caddy" }, "caddy", undefined],
    [{}, { via: "1.1 varnish" }, "caddy", "Via: 1.1 varnish"],
    [{ via: "1.1 own" }, { via: "1.1 own" }, "nginx", undefined],
    [{}, { "x-varnish": "32770" }, "apache", "x-varnish: 32770"],
    [{}, { age: "12" }, "apache", "age: 12"],
    [{ age: "0" }, { age: "12" }, "apache", undefined],
  ])("of the application %j, as %j behind %s: %s", (own, theirs, server, found) => {
    expect(bystander(reply(own), reply(theirs), server)).toBe(found);
  });

  it.each<[Record<string, string>, Record<string, string>, ServerName | undefined]>([
    [{}, { server: "nginx" }, "nginx"],
    [{}, { server: "Apache/2.4.71 (Debian)" }, "apache"],
    [{}, { server: "lighttpd/1.4.69" }, "lighttpd"],
    [{}, { server: "Caddy" }, "caddy"],
    [{}, { server: "h2o/2.2.5" }, "h2o"],
    [{}, { server: "gunicorn" }, undefined],
    [{}, {}, undefined],
    [{ server: "nginx" }, { server: "nginx" }, undefined],
  ])("name the server: %j as %j is %s", (own, theirs, server) => {
    expect(serverIn(reply(own), reply(theirs))).toBe(server);
  });
});
