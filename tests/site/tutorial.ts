/** Runs pages of docs/ as a reader does: what they say to type, into the files that they name. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { frameworks } from "../behaviour/project.ts";
import { freePort, listening } from "../support/ports.ts";

export interface Tutorial {
  /** The commands that prepare the folder. */
  readonly setup: string;
  readonly files: readonly { readonly name: string; readonly code: string }[];
  /** The command that runs until it is stopped. */
  readonly start: string;
  /** The command that asks, and what the page says it prints. */
  readonly ask: string;
  readonly prints: string;
}

/** Reads a page up to its first block of HTTP. A file is a block of code under a line that has its name alone. */
export function tutorialOf(page: string): Tutorial {
  const end = page.indexOf("```http\n");
  const text = page.slice(0, end);
  const shell = Array.from(text.matchAll(/^```sh\n([^]*?)^```$/gm), ([, code = ""]) => code);
  const [start = "", ask = ""] = shell.slice(-2);
  return {
    setup: shell.slice(0, -2).join(""),
    files: Array.from(text.matchAll(/^`([^`]+)`:\n\n```\w+.*\n([^]*?)^```$/gm), ([, name = "", code = ""]) => ({
      name,
      code,
    })),
    start: start.trim(),
    ask: ask.trim(),
    prints: /^```http\n([^]*?)^```$/m.exec(page)?.[1] ?? "",
  };
}

export type Runtime = "Node 20" | "Node 24";

/** Follows the tutorial in an empty folder, on a free port, and returns what its last command prints. */
export async function follow(tutorial: Tutorial, runtime: Runtime): Promise<string> {
  await mkdir(join(frameworks, ".started"), { recursive: true });
  // Below the frameworks, so that their packages are found as if they were installed here.
  const folder = await mkdtemp(join(frameworks, ".started/page-"));
  const port = await freePort();
  const withPort = (text: string): string => text.replaceAll("3000", String(port));
  const path = await commands(folder, runtime);
  // The port of those that listen on 3000 without being told.
  const env = { ...process.env, ...quiet, PATH: path, PORT: String(port) };
  let server: ChildProcess | undefined;
  try {
    const { stdout } = await promisify(execFile)("sh", ["-ec", `${tutorial.setup}\npwd`], { cwd: folder, env });
    const cwd = stdout.trim().split("\n").at(-1) ?? folder;
    for (const { name, code } of tutorial.files) {
      await mkdir(dirname(join(cwd, name)), { recursive: true });
      await writeFile(join(cwd, name), withPort(code));
    }
    // A group of its own: some servers are a process below the one that starts them.
    server = spawn("sh", ["-c", withPort(tutorial.start)], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const said: string[] = [];
    for (const output of [server.stdout, server.stderr])
      output?.on("data", (chunk: Buffer) => said.push(String(chunk)));
    const ended = once(server, "exit").then(() => {
      throw new Error(`The server ended:\n${said.join("")}`);
    });
    await Promise.race([listening(port), ended]);
    const asked = promisify(execFile)("sh", ["-c", `${withPort(tutorial.ask)} -sS --max-time 60`], { cwd, env });
    return (await Promise.race([asked, ended])).stdout.replaceAll("\r\n", "\n");
  } finally {
    if (server?.pid && server.exitCode === null) process.kill(-server.pid, "SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const quiet = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", FORCE_COLOR: "0" };

/**
 * The PATH of the tutorial. Nothing is downloaded: `install` and `add` check that the frameworks have each package, and
 * `wrangler dev` is its runtime without its tools.
 */
async function commands(folder: string, runtime: Runtime): Promise<string> {
  const modules = join(frameworks, "node_modules");
  const node = runtime === "Node 20" ? process.execPath : join(modules, "node-24/bin/node");
  const add = `for name; do case "$name" in -*) continue;; esac; [ -e "${modules}/\${name#npm:}" ] || [ "$name" = wrangler ] || { echo "No package $name" >&2; exit 1; }; done`;
  const worker = fileURLToPath(new URL("worker.ts", import.meta.url));
  const scripts: Readonly<Record<string, string>> = {
    node: `exec "${node}" "$@"`,
    npm: `case "$1" in
init) echo '{ "name": "files", "version": "1.0.0", "type": "commonjs" }' > package.json;;
pkg) echo '{ "name": "files", "version": "1.0.0", "type": "module" }' > package.json;;
install) shift; ${add};;
*) exit 1;;
esac`,
    npx: `exec "$@"`,
    bun: `case "$1" in
init) echo '{ "name": "files", "type": "module" }' > package.json;;
add) shift; ${add};;
*) exec "${modules}/.bin/bun" "$@";;
esac`,
    deno: `case "$1" in
add) shift; ${add}; echo '{ "name": "files", "type": "module", "dependencies": { "downloadview": "*" } }' > package.json;;
run) shift; exec "${modules}/.bin/deno" run --node-modules-dir=manual "$@";;
*) exit 1;;
esac`,
    wrangler: `exec "${join(modules, "node-24/bin/node")}" --import tsx "${worker}" "$@"`,
  };
  const bin = join(folder, ".bin");
  await mkdir(bin);
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return [bin, join(modules, ".bin"), process.env["PATH"]].join(":");
}

/** The page as the site has it. */
export async function readTutorial(name: string): Promise<Tutorial> {
  const url = new URL(`../../docs/${name}.md`, import.meta.url);
  return tutorialOf(await readFile(url, "utf8"));
}
