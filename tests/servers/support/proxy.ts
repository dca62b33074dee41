import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serverConfiguration, type DownloadviewConfig, type ServerName } from "downloadview/config";
import type { OffloadBackend } from "downloadview";
import { apache } from "downloadview/apache";
import { caddy } from "downloadview/caddy";
import { h2o } from "downloadview/h2o";
import { lighttpd } from "downloadview/lighttpd";
import { nginx } from "downloadview/nginx";
import { accepts, freePort } from "../../support/ports.ts";
import { requires } from "../../support/requires.ts";

/** How a server is checked and run in the foreground, with everything it writes below `folder`. */
interface Program {
  readonly packages: string;
  command: string;
  check(file: string, folder: string): string[];
  run(file: string, folder: string): string[];
}

const programs: Readonly<Record<ServerName, Program>> = {
  nginx: {
    packages: "nginx-light",
    command: "nginx",
    check: (file, folder) => ["-t", "-q", "-e", "stderr", "-c", file, "-g", `pid ${folder}/nginx.pid;`],
    run: (file, folder) => ["-e", "stderr", "-c", file, "-g", `daemon off; pid ${folder}/nginx.pid;`],
  },
  apache: {
    packages: "apache2 libapache2-mod-xsendfile",
    command: "apache2",
    check: (file) => ["-t", "-f", file],
    run: (file, folder) => [
      "-D",
      "FOREGROUND",
      "-f",
      file,
      "-c",
      `PidFile ${folder}/apache.pid`,
      "-c",
      `ErrorLog ${folder}/error.log`,
    ],
  },
  lighttpd: {
    packages: "lighttpd",
    command: "lighttpd",
    check: (file) => ["-tt", "-f", file],
    run: (file) => ["-D", "-f", file],
  },
  caddy: {
    packages: "caddy",
    command: "caddy",
    check: (file) => ["validate", "--adapter", "caddyfile", "--config", file],
    run: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  },
  h2o: {
    packages: "h2o",
    command: "h2o",
    check: (file) => ["-t", "-c", file],
    run: (file) => ["-c", file],
  },
};

/** Whether a server is installed here. */
export function isInstalled(name: ServerName): boolean {
  const { command, packages } = programs[name];
  return requires(command, `apt-get install --no-install-recommends ${packages}`);
}

export interface Proxy extends AsyncDisposable {
  readonly name: ServerName;
  readonly url: string;
  /** What the server wrote to its log. */
  readonly log: () => string;
}

/** A folder that the server's own user may read, whoever started it. */
export async function publicFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, 0o755);
  return folder;
}

/** The backend of a server, as it can be run here. */
export function backendNamed(name: ServerName, folder: string): OffloadBackend {
  const backends: Record<ServerName, () => OffloadBackend> = {
    nginx: () => nginx({ headers: ["X-Test"] }),
    apache,
    lighttpd,
    caddy,
    h2o: () => h2o({ socket: join(folder, "h2o.sock"), user: userInfo().username }),
  };
  return backends[name]();
}

/** Starts a server with the configuration that is generated for it, changed by `edit` where a test breaks it. */
export async function startProxy(
  name: ServerName,
  config: DownloadviewConfig,
  app: string,
  edit: (text: string) => string = (text) => text,
): Promise<Proxy> {
  // Somebody else may take a port between its being found free and the server's start.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(name, config, app, edit);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function tryStart(
  name: ServerName,
  config: DownloadviewConfig,
  app: string,
  edit: (text: string) => string,
): Promise<Proxy> {
  const folder = await publicFolder("downloadview-proxy-");
  const port = await freePort();
  const generated = serverConfiguration(name, config, { app, listen: `127.0.0.1:${port}` });
  const edited = edit(generated);
  const file = join(folder, "server.conf");
  await writeFile(file, edited);
  const child = run(name, file, folder);
  const output = collect(child);
  const dispose = async (): Promise<void> => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(port, child, output);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { name, url: `http://127.0.0.1:${port}`, log: output, [Symbol.asyncDispose]: dispose };
}

/** What the server's own syntax check says of a configuration: nothing, if it is right. */
export async function syntaxFault(name: ServerName, text: string): Promise<string | undefined> {
  const folder = await publicFolder("downloadview-check-");
  const file = join(folder, "server.conf");
  await writeFile(file, text);
  const { command, check } = programs[name];
  const { status, stderr, stdout } = spawnSync(command, check(file, folder), { env: environment(folder) });
  await rm(folder, { recursive: true, force: true });
  return status === 0 ? undefined : `${String(stdout)}${String(stderr)}`;
}

function run(name: ServerName, file: string, folder: string): ChildProcess {
  const program = programs[name];
  const child = spawn(program.command, program.run(file, folder), {
    cwd: folder,
    env: environment(folder),
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  return child;
}

// Whatever ends the tests ends the servers.
const running = new Set<ChildProcess>();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
}

function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
  await exited;
  clearTimeout(timer);
  running.delete(child);
}

async function untilListening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`The server ended: ${output()}`);
    if (await accepts(port)) return;
    await delay(20);
  }
  throw new Error(`The server does not listen: ${output()}`);
}
