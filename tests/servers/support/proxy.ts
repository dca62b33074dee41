import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  serverConfiguration,
  type DownloadviewConfig,
  type ServerConfigurationOptions,
  type ServerName,
} from "downloadview/config";
import type { OffloadBackend } from "downloadview/offload";
import { apache } from "downloadview/apache";
import { caddy } from "downloadview/caddy";
import { h2o } from "downloadview/h2o";
import { lighttpd } from "downloadview/lighttpd";
import { nginx } from "downloadview/nginx";
import { describe, it } from "vitest";
import { accepts, freePort } from "../../support/ports.ts";
import { requires } from "../../support/requires.ts";

/** How a server is checked and run in the foreground, with everything it writes below `folder`. */
interface Program {
  readonly packages: string;
  readonly command: string;
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

/** One server of one generation. */
export interface ServerProgram {
  /** For the names of tests. */
  readonly label: string;
  readonly name: ServerName;
  readonly command: string;
  /** The folder of Apache's modules. */
  readonly modules?: string;
}

const newer = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "downloadview", "servers", "trixie");

function installed(name: ServerName): ServerProgram {
  return { label: name, name, command: programs[name].command };
}

/** The servers of Debian 13, which `.ci/newer-servers` unpacks. It has no h2o. */
function newerServers(): ServerProgram[] {
  if (!requires(() => existsSync(join(newer, "complete")), ".ci/newer-servers", "the set of Debian 13's servers"))
    return [];
  const modules = join(newer, "root/usr/lib/apache2/modules");
  const all: readonly ServerProgram[] = [
    { label: "nginx of Debian 13", name: "nginx", command: "nginx" },
    { label: "apache of Debian 13", name: "apache", command: "apache2", modules },
    { label: "lighttpd of Debian 13", name: "lighttpd", command: "lighttpd" },
    { label: "caddy of Debian 13", name: "caddy", command: "caddy" },
    { label: "caddy of Debian 13's backports", name: "caddy", command: "caddy-backports" },
  ];
  return all
    .map((server) => ({ ...server, command: join(newer, "bin", server.command) }))
    .filter(({ command }) => existsSync(command));
}

/** All that can be run here: the machine's own, and those of the next Debian. */
const serverNames: readonly ServerName[] = ["nginx", "apache", "lighttpd", "caddy", "h2o"];

const servers: readonly ServerProgram[] = [...serverNames.filter(isInstalled).map(installed), ...newerServers()];

/** A suite for each server that can be run here. Vitest fails a file without any suite, so one that is skipped stands for none. */
export function describeServers(name: string, suite: (server: ServerProgram) => void): void {
  describeEach(servers, name, suite);
}

/** The same for the servers of these names. */
export function describeNamed(
  names: readonly ServerName[],
  name: string,
  suite: (server: ServerProgram) => void,
): void {
  describeEach(
    servers.filter((server) => names.includes(server.name)),
    name,
    suite,
  );
}

/** The same for the machine's own servers alone. */
export function describeInstalled(name: string, suite: (server: ServerName) => void): void {
  describeEach(serverNames.filter(isInstalled), name, suite);
}

function describeEach<T>(all: readonly T[], name: string, suite: (one: T) => void): void {
  if (all.length > 0) describe.each(all)(name, suite);
  else describe.skip(name, () => it("needs a server", () => undefined));
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
export function backendNamed(server: ServerName | ServerProgram, folder: string): OffloadBackend {
  const { name, modules } = programOf(server);
  const backends: Record<ServerName, () => OffloadBackend> = {
    nginx: () => nginx({ headers: ["X-Test"] }),
    apache: () => apache(modules === undefined ? {} : { modules }),
    lighttpd,
    caddy,
    h2o: () => h2o({ socket: join(folder, "h2o.sock"), user: userInfo().username }),
  };
  return backends[name]();
}

function programOf(server: ServerName | ServerProgram): ServerProgram {
  return typeof server === "string" ? installed(server) : server;
}

/** Starts a server with the configuration that is generated for it, changed by `edit` where a test breaks it. */
export async function startProxy(
  server: ServerName | ServerProgram,
  config: DownloadviewConfig,
  app: string,
  edit: (text: string) => string = (text) => text,
  options: ServerConfigurationOptions = {},
): Promise<Proxy> {
  // Somebody else may take a port between its being found free and the server's start.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryStart(programOf(server), config, app, edit, options);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function tryStart(
  server: ServerProgram,
  config: DownloadviewConfig,
  app: string,
  edit: (text: string) => string,
  options: ServerConfigurationOptions,
): Promise<Proxy> {
  const folder = await publicFolder("downloadview-proxy-");
  const port = await freePort();
  const { name } = server;
  const generated = serverConfiguration(name, config, { ...options, app, listen: `127.0.0.1:${port}` });
  const edited = edit(generated);
  const file = join(folder, "server.conf");
  await writeFile(file, edited);
  const child = run(server, file, folder);
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
export async function syntaxFault(server: ServerName | ServerProgram, text: string): Promise<string | undefined> {
  const { name, command } = programOf(server);
  const folder = await publicFolder("downloadview-check-");
  const file = join(folder, "server.conf");
  await writeFile(file, text);
  const { check } = programs[name];
  const { status, stderr, stdout } = spawnSync(command, check(file, folder), { env: environment(folder) });
  await rm(folder, { recursive: true, force: true });
  return status === 0 ? undefined : `${String(stdout)}${String(stderr)}`;
}

function run({ name, command }: ServerProgram, file: string, folder: string): ChildProcess {
  const child = spawn(command, programs[name].run(file, folder), {
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
