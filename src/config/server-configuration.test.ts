import { describe, expect, it } from "vitest";
import { apache } from "../offload/apache/index.ts";
import { nginx } from "../offload/nginx/index.ts";
import type { OffloadRule } from "../offload/rule.ts";
import { FileSystemStorage } from "../storages/file-system/file-system-storage.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { defineConfig, type DownloadviewConfig } from "./downloadview-config.ts";
import { serverConfiguration, type ServerConfigurationOptions, type ServerName } from "./server-configuration.ts";

const rule = { sourceDir: "/srv/media", destinationUrl: "/_dl/" };

function configured(rules: readonly OffloadRule[], { server = "nginx", more = {}, ...options }: Options = {}): string {
  return serverConfiguration(server, { backend: nginx(), rules, ...more }, options);
}
interface Options extends ServerConfigurationOptions {
  readonly server?: ServerName;
  readonly more?: Partial<DownloadviewConfig>;
}

describe("a server that asks the application", () => {
  const publicRule = { ...rule, sourceUrl: "/media" };

  it.each([{}, { part: true }, { locations: true }])(
    "sends the folder of a rule under the rule's URL, never under the internal one: %o",
    (options) => {
      const text = configured([publicRule], { authRequest: true, ...options });
      expect(text).toMatch(/location \^~ \/media\/ \{[^}]+auth_request \/_downloadview\/authorize;/);
      expect(text).toMatch(/location @downloadview_authorized_0 \{[^]+ return 403; \}[^]+root \/srv\/media;/);
      expect(text).not.toContain("/_dl/");
    },
  );

  it.each([
    ["https://app.internal:8443", "proxy_pass https://app.internal:8443;"],
    ["unix:/run/app.sock", "proxy_pass http://unix:/run/app.sock:;"],
  ])("asks the application at %s from inside a server block", (app, line) => {
    expect(configured([publicRule], { authRequest: true, locations: true, app })).toContain(line);
  });

  it("fetches objects under the destination of their rule, by signed URLs alone", () => {
    const ofStore = { sourceUrl: "https://bucket.example/", destinationUrl: "/media", presigned: true };
    const text = configured([ofStore], { authRequest: true });
    expect(text).toMatch(/location \^~ \/media\/ \{[^}]+auth_request_set \$downloadview_remote /);
    expect(text).toMatch(/if \(\$downloadview_remote !~ "\^https:\/\/bucket\\\.example\(/);
    expect(() => configured([{ ...ofStore, presigned: false }], { authRequest: true })).toThrow(
      "rule 0: --auth-request fetches objects by URLs that their storage has signed. Write presigned: true",
    );
  });

  it("needs the URL that clients ask for", () => {
    expect(() => configured([rule], { authRequest: true })).toThrow(/rule 0 .*sourceUrl: "\/media\/"/);
  });

  it("is nginx or Caddy", () => {
    expect(() =>
      configured([{ ...publicRule, destinationDir: "/srv" }], { server: "apache", authRequest: true }),
    ).toThrow("apache can't ask the application before it sends a file: use nginx or caddy");
  });
});

describe("serverConfiguration", () => {
  it("leads each destination to its folder, with a slash at both ends", () => {
    const text = configured([rule, { sourceDir: "/srv/b", destinationUrl: "/_b", destinationDir: "/mnt/b" }]);
    expect(text).toMatch(/location \^~ \/_dl\/ \{[^}]+internal;[^}]+\}\s+alias \/srv\/media\/;/);
    expect(text).toMatch(/location \^~ \/_b\/ \{[^}]+internal;[^}]+\}\s+alias \/mnt\/b\/;/);
  });

  it("lets the kernel send the files of nginx, also if the rest of nginx's configuration does not", () => {
    expect(configured([rule])).toMatch(/alias \/srv\/media\/;[^}]+sendfile on;[^}]+tcp_nopush on;/);
  });

  it("finds the folder of a rule on a URL in the storage that has it", () => {
    const storages = { other: new MemoryStorage(), media: new FileSystemStorage("/srv/files", { baseUrl: "/media" }) };
    const text = configured([{ sourceUrl: "/media/", destinationUrl: "/_dl/" }], { more: { storages } });
    expect(text).toContain("alias /srv/files/;");
  });

  it("requires a folder if neither the rule nor a storage has one", () => {
    const byUrl = { sourceUrl: "/media/", destinationUrl: "/_dl/" };
    expect(() => configured([byUrl])).toThrow(/rule 0: .*destinationDir: "\/srv\/media".*storages/);
  });

  it("writes one location for two rules with one destination, and refuses two folders for one destination", () => {
    const byUrl = { sourceUrl: "/media/", destinationUrl: "/_dl/", destinationDir: "/srv/media/" };
    expect(configured([byUrl, rule]).match(/alias/g)).toHaveLength(1);
    const other = { sourceDir: "/srv/other", destinationUrl: "/_dl" };
    expect(() => configured([rule, other])).toThrow(/rules 0 and 1 have the same destination \/_dl\//);
  });

  it("contains the rules of that server only", () => {
    const ofApache = { sourceDir: "/srv/a", destinationDir: "/srv/a", backend: apache() };
    expect(configured([ofApache, rule])).not.toContain("/srv/a");
    const text = configured([ofApache, rule], { server: "apache" });
    expect(text).toContain('XSendFilePath "/srv/a"');
    expect(text).not.toContain("/srv/media");
  });

  it("writes a configuration for a server that the rules do not name, if it can follow them", () => {
    const fits = { ...rule, destinationDir: "/srv/media" };
    expect(configured([fits], { server: "lighttpd" })).toContain('"x-sendfile-docroot" => ( "/srv/media/" )');
    expect(configured([fits], { server: "caddy", more: { backend: "none" } })).toContain("/srv/media/*");
    expect(() => configured([rule], { server: "apache" })).toThrow(/rule 0: .*as apache sees it: destinationDir/);
  });

  it.each([
    [undefined, "Off"],
    [false, "Off"],
    [true, "On"],
  ])("tells every mod_xsendfile that knows of it whether to decode: unescape %s", (unescape, value) => {
    const backend = apache(unescape === undefined ? {} : { unescape });
    const text = configured([{ sourceDir: "/srv/a", destinationDir: "/srv/a" }], {
      server: "apache",
      more: { backend },
    });
    expect(text).toMatch(new RegExp(`<IfDirective XSendFileUnescape>\\s+XSendFileUnescape ${value}\\s+</IfDirective>`));
  });

  it("restores the fields that are named", () => {
    const text = configured([rule], { more: { backend: nginx({ headers: ["X-Test"] }) } });
    expect(text).toContain("add_header X-Test $upstream_http_x_test always;");
  });

  it("quotes names that nginx would read as syntax, and refuses a dollar sign", () => {
    expect(configured([{ ...rule, sourceDir: '/srv/a "b";{c}' }])).toContain(String.raw`alias "/srv/a \"b\";{c}/";`);
    expect(() => configured([{ ...rule, sourceDir: "/srv/$a" }])).toThrow(/dollar sign/);
  });

  it.each([
    ["apache", "/srv/${HOME}", /variable/],
    ["caddy", "/srv/{$HOME}", /brace/],
    ["caddy", "/srv/{http.request.uri.path}", /brace/],
  ] as const)("refuses a folder in which %s would replace a part: %s", (server, folder, message) => {
    expect(() => configured([{ sourceDir: folder, destinationDir: folder }], { server })).toThrow(message);
  });

  it("takes a dollar sign that is no variable for Apache", () => {
    const folder = "/srv/$a {b}";
    expect(configured([{ sourceDir: folder, destinationDir: folder }], { server: "apache" })).toContain(
      'XSendFilePath "/srv/$a {b}"',
    );
  });

  it.each([
    [8080, "listen *:8080;"],
    ["8080", "listen *:8080;"],
    ["127.0.0.1:8080", "listen 127.0.0.1:8080;"],
    ["[::1]:8080", "listen [::1]:8080;"],
  ])("listens where it is told: %s", (listen, line) => {
    expect(configured([rule], { listen })).toContain(line);
  });

  it.each([
    ["http://127.0.0.1:3000", "server 127.0.0.1:3000;", "proxy_pass http:"],
    ["http://app.internal", "server app.internal:80;", "proxy_pass http:"],
    ["https://app.internal", "server app.internal:443;", "proxy_pass https:"],
    ["https://app.internal:8443/", "server app.internal:8443;", "proxy_ssl_name app.internal;"],
    ["http://[::1]:3000", "server [::1]:3000;", "proxy_pass http:"],
    ["unix:/run/app.sock", "server unix:/run/app.sock;", "proxy_pass http:"],
  ])("reaches the application at %s", (app, ...expected) => {
    const text = configured([rule], { app });
    for (const line of expected) expect(text).toContain(line);
  });

  it.each([
    ["127.0.0.1:3000", /must be a URL, for example .* \(got "127.0.0.1:3000"\)/],
    ["localhost:3000", /must be a URL/],
    ["unix:relative.sock", /must be a URL/],
    ["http://127.0.0.1:3000/base", /must have no path/],
    ["http://user:secret@127.0.0.1:3000", /only scheme, host and port/],
    ["http://127.0.0.1:3000/?a=1", /only scheme, host and port/],
  ])("refuses the application %s, and says why", (app, reason) => {
    expect(() => configured([rule], { app })).toThrow(reason);
  });

  it("refuses an application that lighttpd can't reach, and a presigned rule inside a server block without a resolver", () => {
    const ofLighttpd = { sourceDir: "/srv/a", destinationDir: "/srv/a" };
    expect(() => configured([ofLighttpd], { server: "lighttpd", app: "https://app" })).toThrow(
      /must begin with http:.*by TLS/,
    );
    const signed = { sourceUrl: "https://bucket.example/", destinationUrl: "/_r/", presigned: true };
    expect(() => configured([signed], { locations: true })).toThrow(/rule 0: presigned.*resolver/);
    expect(configured([signed])).toContain("upstream downloadview_remote_0");
  });

  it("prints only the internal locations, with the lines that the application's location needs", () => {
    const text = configured([rule], { locations: true });
    expect(text).toContain("location ^~ /_dl/ {");
    expect(text).toContain("#   proxy_set_header Host $http_host;");
    expect(text).not.toMatch(/^ *(server|upstream|map|http|events) /m);
    expect(text).not.toContain("$downloadview_etag");
  });

  it.each([
    [
      "nginx",
      ["listen *:443 ssl;", "ssl_certificate /c.pem;", "ssl_certificate_key /k.pem;", "server_name a.example;"],
    ],
    ["apache", ["<VirtualHost *:443>", "SSLEngine on", 'SSLCertificateFile "/c.pem"', "ServerName a.example"]],
    ["lighttpd", ["server.port = 443", 'ssl.privkey = "/k.pem"', 'server.name = "a.example"']],
    ["caddy", ["https://a.example:443 {", "tls /c.pem /k.pem"]],
    ["h2o", ["port: 443", 'certificate-file: "/c.pem"']],
  ] as const)("serves TLS by %s", (server, expected) => {
    const tls = { certificate: "/c.pem", key: "/k.pem" };
    const text = configured([{ ...rule, destinationDir: "/srv/media" }], { server, tls, serverName: "a.example" });
    for (const line of expected) expect(text).toContain(line);
  });

  it.each(["everywhere", "127.0.0.1", "99999", ":80"])("refuses to listen at %j", (listen) => {
    expect(() => configured([rule], { listen })).toThrow(/listen must be a port/);
  });
});

describe("defineConfig", () => {
  it("returns its argument", () => {
    const config = { backend: nginx(), rules: [rule] };
    expect(defineConfig(config)).toBe(config);
  });

  it("refuses a wrong rule, and a health check that has no storage", () => {
    expect(() => defineConfig({ backend: nginx(), rules: [{ sourceDir: "media" }] })).toThrow(/rule 0/);
    const healthcheck = { url: "/healthcheck/", storage: "media" };
    expect(() => defineConfig({ backend: "none", rules: [], healthcheck })).toThrow(/there are none.*"media"/);
    const storages = { media: new MemoryStorage() };
    expect(() =>
      defineConfig({ backend: "none", rules: [], storages, healthcheck: { ...healthcheck, url: "http://x/" } }),
    ).toThrow(/url must be a path/);
  });
});

it.each([
  [{}, [], true],
  [{ part: true }, [], true],
  [{ locations: true }, [], true],
  [{}, [rule], false],
])("nginx stores nothing for a slow client of an application without rules: %o, %o", (options, rules, expected) => {
  expect(configured(rules, { more: { backend: "none" }, ...options }).includes("proxy_max_temp_file_size 0;")).toBe(
    expected,
  );
});
