import { ContainerClient, StorageSharedKeyCredential, type StoragePipelineOptions } from "@azure/storage-blob";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, listening } from "./ports.ts";

const script = join(import.meta.dirname, "../servers/node_modules/azurite/dist/src/blob/main.js");

export const azuriteIsThere = (): boolean => existsSync(script);

export interface AzuriteServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** A client of a container, also seen through a proxy or with another key. */
  container(name: string, options?: ContainerOptions): ContainerClient;
  /** The name of a new container. */
  makeContainer(): Promise<string>;
}

export interface ContainerOptions extends StoragePipelineOptions {
  readonly url?: string;
  readonly key?: string;
}

/** The account that every Azurite has, and its key, which its documentation gives. */
const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Azure's own emulator of its blobs, on loopback, in memory. */
export async function startAzurite(): Promise<AzuriteServer> {
  const folder = await mkdtemp(join(tmpdir(), "azurite-"));
  const [port = 0] = await freePorts(1);
  const options = ["--blobPort", String(port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"];
  const server = spawn(process.execPath, [script, "--silent", ...options], { cwd: folder, stdio: "ignore" });
  await listening(port);
  const url = `http://127.0.0.1:${port}`;
  let containers = 0;
  const container: AzuriteServer["container"] = (name, { url: base = url, key = accountKey, ...pipeline } = {}) =>
    new ContainerClient(`${base}/${account}/${name}`, new StorageSharedKeyCredential(account, key), pipeline);
  return {
    port,
    url,
    container,
    async makeContainer() {
      const name = `container-${++containers}`;
      await container(name).create();
      return name;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(server, "exit");
      server.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}
