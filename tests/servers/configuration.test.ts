import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defineConfig, serverConfiguration, type DownloadviewConfig, type ServerName } from "downloadview/config";
import { application, serve } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { backendNamed, publicFolder, servers, startProxy, syntaxFault, type ServerProgram } from "./support/proxy.ts";

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

describe.each(servers)("a configuration for $label", (server) => {
  it("is right as a part of another one", async () => {
    const config = configFor(server, "/tmp", "/srv/media");
    const [part, whole] = [true, false].map((part) =>
      serverConfiguration(server.name, config, { listen: 65_000, part }),
    );
    expect(await syntaxFault(server, around[server.name](part!, whole!))).toBeUndefined();
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
