import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { freePort, listening } from "../support/ports.ts";
import { announce, upstream } from "./server.ts";

/** Bundles a worker as its tools do, and runs it in workerd itself. */
export async function serveWorker(name: string): Promise<void> {
  const port = await freePort();
  await runWorker(fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url)), port);
  announce(port);
}

/** The same for any worker, on a port. */
export async function runWorker(entry: string, port: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "workerd-"));
  await build({
    entryPoints: [entry],
    outfile: join(folder, "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
  });
  await writeFile(join(folder, "workerd.capnp"), configuration(port));
  const binary = fileURLToPath(new URL("node_modules/.bin/workerd", import.meta.url));
  const workerd = spawn(binary, ["serve", join(folder, "workerd.capnp")], { stdio: ["ignore", "inherit", "inherit"] });
  workerd.on("exit", () => process.exit(1));
  await listening(port);
}

const configuration = (port: number): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      bindings = [(name = "UPSTREAM", text = "${upstream}")],
      compatibilityDate = "2026-04-01",
      compatibilityFlags = ["enable_request_signal"],
    )),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
