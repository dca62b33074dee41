import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, listening } from "../support/ports.ts";
import { announce } from "./server.ts";

/** An application that is built before it runs. */
export interface BuiltApplication {
  /** Below `apps/`. */
  readonly folder: string;
  /** The arguments for Node: what builds it, and what runs it on a port. */
  readonly build: readonly string[];
  readonly run: (port: number) => readonly string[];
}

export async function serveBuilt({ folder, build, run }: BuiltApplication): Promise<void> {
  const cwd = fileURLToPath(new URL(`apps/${folder}`, import.meta.url));
  const port = await freePort();
  const quiet = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1" };
  const env = { ...process.env, ...quiet, PORT: String(port), HOST: "127.0.0.1" };
  await promisify(execFile)(process.execPath, [...build], { cwd, env, maxBuffer: 2 ** 24 });
  const server = spawn(process.execPath, [...run(port)], { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  server.on("exit", () => process.exit(1));
  await listening(port);
  announce(port);
}

/** Where a command of a package is. */
export function command(path: string): string {
  return fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));
}
