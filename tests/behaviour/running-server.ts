import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { frameworks } from "./project.ts";
import type { Runtime, ServerUnderTest } from "./servers.ts";

export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** How many descriptors of the served files the server has open. */
  openDescriptors(): number;
}

export interface Surroundings {
  /** The folder of the served files. */
  readonly files: string;
  /** The origin of the remote files. */
  readonly upstream: string;
}

/** Starts a server, and waits until it says where it listens. */
export async function start(server: ServerUnderTest, { files, upstream }: Surroundings): Promise<RunningServer> {
  const [command, ...options] = commandOf(server.runtime);
  const child = spawn(command, [...options, join("servers", server.module)], {
    cwd: frameworks,
    env: { ...process.env, FILES: files, UPSTREAM: upstream, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: some servers are a process below the one that starts them.
    detached: true,
  });
  const kill = (): void => void process.kill(-(child.pid ?? 0), "SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const port = await portOf(child);
  return {
    port,
    openDescriptors: () => descriptorsOf(child.pid ?? 0, files),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

function commandOf(runtime: Runtime): [command: string, ...options: string[]] {
  const modules = join(frameworks, "node_modules");
  switch (runtime) {
    case "Node 20":
      return [process.execPath, "--import", "tsx"];
    case "Bun":
      return [join(modules, ".bin/bun"), "run"];
    case "Deno":
      return [join(modules, ".bin/deno"), "run", "--allow-all"];
    case "workerd":
      return [join(modules, "node-24/bin/node"), "--import", "tsx"];
    default:
      return [join(modules, runtime.toLowerCase().replace(" ", "-"), "bin/node"), "--import", "tsx"];
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const said: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  if (!child.stdout) throw new Error("A server without a voice");
  for await (const line of createInterface(child.stdout)) {
    const port = /^listening on (\d+)$/.exec(line)?.[1];
    if (port !== undefined) {
      child.stdout.resume();
      return Number(port);
    }
    said.push(line);
  }
  throw new Error(`The server did not start:\n${said.join("\n")}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
}

// Linux only, where the suites run.
function descriptorsOf(pid: number, folder: string): number {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors).filter((number) => targetOf(join(descriptors, number)).startsWith(folder)).length;
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(descriptor);
  } catch {
    return "";
  }
}
