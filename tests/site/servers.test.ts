/** The blocks that the guides of the servers show, with the lines that the command line prints, as the servers themselves read them. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverConfiguration } from "downloadview/config";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { project } from "../examples/extract.ts";
import { requires } from "../support/requires.ts";

const run = promisify(execFile);
const areInstalled = ["nginx", "caddy", "lighttpd", "apache2", "openssl"].every((command) =>
  requires(command, "apt-get install nginx-light caddy lighttpd apache2 libapache2-mod-xsendfile openssl", command),
);

/** The certificate that the guides name, and where it is here. */
const certificate = /\/etc\/letsencrypt\/live\/example\.com/g;

describe.runIf(areInstalled)("the server block of the guide of", { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "guides-"));
    const subject = ["-nodes", "-subj", "/CN=example.com", "-days", "1"];
    const files = ["-keyout", join(folder, "privkey.pem"), "-out", join(folder, "fullchain.pem")];
    await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, ...files]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const printed = (name: "nginx" | "apache" | "caddy"): string => {
    const rules = [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/", destinationDir: "/srv/media" }];
    return serverConfiguration(name, { backend: "none", rules, storages: {} }, { locations: true });
  };

  /** The block that begins so on the page, with the paths of this machine. */
  async function blockOf(guide: string, start: string, included = ""): Promise<string> {
    const page = await readFile(join(project, `docs/guides/${guide}.md`), "utf8");
    const fence = Array.from(page.matchAll(/^```\w+\n([^]*?)^```$/gm), ([, code = ""]) => code);
    const block = fence.find((code) => code.startsWith(start));
    if (block === undefined) throw new Error(`docs/guides/${guide}.md has no block that begins with ${start}`);
    return block.replaceAll(certificate, folder).replaceAll(included || "\0", join(folder, `${guide}.part`));
  }

  async function written(name: string, text: string): Promise<string> {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }

  it("nginx is accepted by nginx", async () => {
    await written("nginx.part", printed("nginx"));
    const block = await blockOf("nginx", "server {", "/etc/nginx/downloads.conf");
    const own = `pid ${folder}/nginx.pid; error_log stderr; events {}`;
    const file = await written("nginx.conf", `${own}\nhttp { access_log off;\n${block}}\n`);
    expect((await run("nginx", ["-t", "-q", "-c", file])).stderr).not.toMatch(/emerg|warn/);
  });

  it("Caddy is accepted by Caddy", async () => {
    await written("caddy.part", printed("caddy"));
    const file = await written("Caddyfile", await blockOf("caddy", "example.com {", "/etc/caddy/downloads"));
    const { stdout } = await run("caddy", ["adapt", "--adapter", "caddyfile", "--config", file]);
    expect(JSON.stringify(JSON.parse(stdout))).toContain("X-Accel-Redirect");
  });

  it("lighttpd is accepted by lighttpd", async () => {
    const own = 'server.document-root = "/tmp"\nserver.port = 80\n';
    const file = await written("lighttpd.conf", own + (await blockOf("lighttpd", "server.modules")));
    // It writes nothing if all is well, and names the line if not.
    expect((await run("lighttpd", ["-t", "-f", file])).stderr).not.toMatch(/error|unknown/i);
  });

  it("Apache is accepted by Apache", async () => {
    await written("apache.part", printed("apache"));
    const modules = ["mpm_event", "authz_core", "ssl", "socache_shmcb", "headers", "proxy", "proxy_http", "xsendfile"];
    const loads = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n");
    const own = `ServerRoot ${folder}\nServerName localhost\nPidFile ${folder}/apache.pid\nErrorLog /dev/stderr\nDefaultRuntimeDir ${folder}\nListen 443\n`;
    const block = await blockOf("apache", "<VirtualHost", "/etc/apache2/downloads.conf");
    const file = await written("apache.conf", `${loads}\n${own}${block}`);
    expect((await run("apache2", ["-t", "-f", file])).stderr).toContain("Syntax OK");
  });
});
