import { describe, expect, it } from "vitest";
import { serverNames, type ServerName } from "../../config/server-configuration.ts";
import { betweenRemedy } from "./between.ts";
import type { Place, Problem } from "./problem.ts";
import { remedyFor } from "./remedy-for.ts";

function place(server: ServerName | undefined, offloads: boolean = true): Place {
  return {
    server,
    offloads,
    location: "/_downloads/",
    folder: "/srv/media",
    folders: ["/srv/media", "/srv/other"],
    app: "http://127.0.0.1:3000",
    scheme: "https",
    tlsEndsBefore: true,
  };
}

const problems: readonly Problem[] = [
  { kind: "not-enabled" },
  { kind: "no-location" },
  { kind: "wrong-folder" },
  { kind: "denied", commands: [] },
  { kind: "denied", commands: ["chmod o+x /srv"] },
  { kind: "locked", path: "/healthcheck/" },
  { kind: "no-application" },
  { kind: "fields", changes: [{ name: "cache-control", fate: "changed", value: "public" }] },
  { kind: "fields", changes: [{ name: "referrer-policy", fate: "dropped" }] },
  { kind: "validators", names: ["ETag"] },
  { kind: "names", arrives: true },
  { kind: "names", arrives: false },
  { kind: "not-modified" },
  { kind: "range" },
  { kind: "if-range" },
  { kind: "head" },
  { kind: "compressed" },
  { kind: "stale" },
  { kind: "cached" },
  { kind: "replaced-error" },
  { kind: "missing" },
  { kind: "unguarded" },
  { kind: "public", path: "/media/", internal: false },
  { kind: "public", path: "/_downloads/a.txt", internal: true },
  { kind: "host" },
  { kind: "scheme" },
  { kind: "buffered" },
  { kind: "truncated" },
  { kind: "spooled" },
];

/** Words that belong to one server alone. */
const words: Readonly<Record<ServerName, RegExp>> = {
  nginx: /nginx|proxy_|add_header/,
  apache: /Apache|XSendFile|ProxyPass|virtual host/,
  lighttpd: /lighttpd|x-sendfile-docroot|setenv\./,
  caddy: /Caddy|handle_response|header_up/,
  h2o: /h2o|reproxy|file\.dir/,
};

describe.each(serverNames)("a remedy for %s", (server) => {
  it.each(problems)("names that server, a place and no other server: $kind", (problem) => {
    for (const offloads of [true, false]) {
      const text = remedyFor(problem, place(server, offloads));
      const named = serverNames.filter((name) => words[name].test(text));
      expect([text, named]).toEqual([text, [server]]);
      expect(text).toMatch(/`|has no setting/);
      expect(text).not.toMatch(/undefined|\[object|``/);
    }
  });
});

describe("a remedy", () => {
  it.each<[ServerName, Problem, string]>([
    ["nginx", { kind: "wrong-folder" }, "`alias /srv/media/;`"],
    ["nginx", { kind: "scheme" }, "`proxy_set_header X-Forwarded-Proto https;`"],
    ["nginx", { kind: "no-application" }, "`server 127.0.0.1:3000;`"],
    ["apache", { kind: "wrong-folder" }, '`XSendFilePath "/srv/media"`'],
    ["lighttpd", { kind: "wrong-folder" }, '`"x-sendfile-docroot" => ( "/srv/media/", "/srv/other/" )`'],
    ["caddy", { kind: "not-enabled" }, '`header X-Accel-Redirect "/srv/media/*"`'],
    ["h2o", { kind: "wrong-folder" }, '`file.dir: "/srv/media/"`'],
    ["h2o", { kind: "scheme" }, "`proxy.preserve-x-forwarded-proto: ON`"],
  ])("for %s has the values of the rule: %j", (server, problem, line) => {
    expect(remedyFor(problem, place(server))).toContain(line);
  });

  it.each(problems)("speaks of HTTP if the server is unknown: $kind", (problem) => {
    const text = remedyFor(problem, place(undefined));
    expect(serverNames.filter((name) => words[name].test(text))).toEqual([]);
  });

  it("quotes a folder with a space for nginx", () => {
    const text = remedyFor({ kind: "wrong-folder" }, { ...place("nginx"), folder: "/srv/my media" });
    expect(text).toContain('`alias "/srv/my media/";`');
  });

  it.each<[Problem, string | undefined, RegExp]>([
    [{ kind: "validators", names: ["ETag"] }, "Server: cloudflare", /Respect Strong ETags/],
    [{ kind: "range" }, "Via: 1.1 varnish (Varnish/7.1)", /return \(pass\);/],
    [{ kind: "names", arrives: false }, "Via: 1.1 abc.cloudfront.net (CloudFront)", /query strings/],
    [{ kind: "range" }, undefined, /pass Range on/],
    [{ kind: "host" }, "Via: 1.1 x", /pass downloads on unchanged/],
  ])("for what stands in between: %j (%s)", (problem, evidence, says) => {
    expect(betweenRemedy(problem, evidence)).toMatch(says);
  });
});
