import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, isAbsolute, join } from "node:path";
import { expect, it } from "vitest";
import {
  defineConfig,
  serverConfiguration,
  type DownloadviewConfig,
  type ServerConfigurationOptions,
  type ServerName,
} from "downloadview/config";
import { application, serve } from "./support/application.ts";
import { ask } from "./support/client.ts";
import {
  backendNamed,
  publicFolder,
  describeServers,
  startProxy,
  syntaxFault,
  type ServerProgram,
} from "./support/proxy.ts";

function configFor(server: ServerProgram, folder: string, root: string): DownloadviewConfig {
  return defineConfig({
    backend: backendNamed(server, folder),
    rules: [
      { sourceDir: join(root, "narrow"), destinationUrl: "/_narrow/", destinationDir: join(root, "narrow") },
      { sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root },
    ],
  });
}

/** What stands around the part in a configuration that there is already. */
const around: Readonly<Record<ServerName, (part: string, whole: string) => string>> = {
  nginx: (part) => `events { }\nhttp {\n${part}\n}\n`,
  apache: (part, whole) => `${whole.slice(0, whole.indexOf("<VirtualHost"))}\n${part}`,
  lighttpd: (part) => `server.document-root = "/var/empty"\nserver.port = 65000\n${part}`,
  caddy: (part) => `http://:65000 {\n${part}\n}\n`,
  h2o: (part) => part.replace("default:\n", "default:\n    listen:\n      port: 65000\n"),
};

/** What stands around the internal places alone. */
const aroundLocations: Readonly<Record<ServerName, (text: string, whole: string) => string>> = {
  nginx: (text) => `events { }\nhttp {\nserver {\nlisten 65000;\n${text}\n}\n}\n`,
  apache: (text, whole) =>
    `${whole.slice(0, whole.indexOf("<VirtualHost"))}\n<VirtualHost *:65000>\n${text}\n</VirtualHost>\n`,
  lighttpd: (text) =>
    `server.document-root = "/var/empty"\nserver.port = 65000\nserver.modules += ( "mod_proxy" )\n` +
    `proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => 3000,\n${text} ) ) )\n`,
  caddy: (text) => `http://:65000 {\nreverse_proxy 127.0.0.1:3000 {\n${text}\n}\n}\n`,
  h2o: (text) =>
    `${text}\n  default:\n    listen:\n      port: 65000\n    paths:\n      "/":\n        file.dir: /var\n`,
};

function modulesOf({ command }: ServerProgram): string {
  return isAbsolute(command) ? join(dirname(command), "../root/usr/lib/lighttpd") : "/usr/lib/lighttpd";
}

describeServers("a configuration for $label", (server) => {
  it("is right as a part of another one", async () => {
    const config = configFor(server, "/tmp", "/srv/media");
    const [part, whole] = [true, false].map((part) =>
      serverConfiguration(server.name, config, { listen: 65_000, part }),
    );
    expect(await syntaxFault(server, around[server.name](part!, whole!))).toBeUndefined();
  });

  it.each([
    { app: "https://localhost:8443" },
    { app: "unix:/run/app.sock" },
    { app: "http://[::1]:3000", listen: "[::1]:65000" },
    { serverName: "files.example", tls: true },
    { pid: "/tmp/downloadview-test.pid" },
  ])("is right for %j", async ({ tls, ...options }: Omit<ServerConfigurationOptions, "tls"> & { tls?: boolean }) => {
    if (server.name === "lighttpd" && options.app?.startsWith("https:")) return;
    // Debian has its module for TLS in a package of its own.
    if (server.name === "lighttpd" && tls && !existsSync(join(modulesOf(server), "mod_openssl.so"))) return;
    const folder = await publicFolder("downloadview-tls-");
    const [certificate, key] = [join(folder, "c.pem"), join(folder, "k.pem")];
    if (tls) {
      const files = ["-keyout", key, "-out", certificate, "-days", "2", "-nodes", "-subj", "/CN=files.example"];
      execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files], { stdio: "ignore" });
    }
    const config = configFor(server, "/tmp", "/srv/media");
    const text = serverConfiguration(server.name, config, {
      listen: "127.0.0.1:65000",
      ...options,
      ...(tls ? { tls: { certificate, key } } : {}),
    });
    // The check names a file for the process, too.
    const checked = server.name === "nginx" ? text.replace(/^pid .*;$/m, "") : text;
    expect(await syntaxFault(server, checked)).toBeUndefined();
    await rm(folder, { recursive: true });
  });

  it("is right as internal places alone", async () => {
    const config = configFor(server, "/tmp", "/srv/media");
    const text = serverConfiguration(server.name, config, { locations: true });
    const whole = serverConfiguration(server.name, config, { listen: 65_000 });
    expect(await syntaxFault(server, aroundLocations[server.name](text, whole))).toBeUndefined();
  });

  it("is printed for the example of the documentation", async () => {
    const page = await readFile(new URL("../../docs/offload.md", import.meta.url), "utf8");
    const [, example = ""] = /```ts\n((?:(?!```).)*export default config;\n)```/s.exec(page) ?? [];
    const file = new URL(`../../.tmp/documented-${process.pid}.config.ts`, import.meta.url);
    await mkdir(new URL(".", file), { recursive: true });
    await writeFile(file, example);
    const { default: config } = (await import(/* @vite-ignore */ file.pathname)) as { default: DownloadviewConfig };
    await rm(file);
    const text = serverConfiguration(server.name, config, { listen: "127.0.0.1:65000" });
    expect(text).toContain("/srv/media");
    // What the page's configuration says of Debian's folders does not hold for a server that was merely unpacked.
    if (server.label === server.name) expect(await syntaxFault(server, text)).toBeUndefined();
  });

  it("reaches an application on a Unix socket", async () => {
    const folder = await publicFolder("downloadview-socket-");
    const root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    await writeFile(join(root, "a.txt"), "a file");
    const config = configFor(server, folder, root);
    const socket = join(folder, "app.sock");
    const listener = createServer(application(root, config)).listen(socket);
    await once(listener, "listening");
    await chmod(socket, 0o777);
    await using proxy = await startProxy(server, config, `unix:${socket}`);
    expect((await ask(proxy.url, { path: "/files/a.txt" })).body.toString()).toBe("a file");
    listener.closeAllConnections();
    listener.close();
    await rm(folder, { recursive: true });
  });

  it("works for folders with odd names, and for one rule inside another", async () => {
    const folder = await publicFolder("downloadview-odd-");
    const root = join(folder, `me dia; "ü" 100% #1`);
    const config = configFor(server, folder, root);
    await mkdir(join(root, "narrow"), { recursive: true, mode: 0o755 });
    for (const file of ["a.txt", "narrow/b.txt"]) await writeFile(join(root, file), file);
    await using app = await serve(application(root, config));
    await using proxy = await startProxy(server, config, app.url);
    for (const file of ["a.txt", "narrow/b.txt"]) {
      const { status, body } = await ask(proxy.url, { path: `/files/${file}` });
      expect([status, body.toString()]).toEqual([200, file]);
      expect((await ask(app.url, { path: `/files/${file}` })).body.byteLength).toBe(0);
    }
    await rm(folder, { recursive: true });
  });
});
