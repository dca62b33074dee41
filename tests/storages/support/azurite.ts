import {
  BlobServiceClient,
  ContainerClient,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from "@azure/storage-blob";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { globalAgent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, listening } from "../../support/ports.ts";

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
  const port = await freePort();
  const server = await start(folder, port);
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
    [Symbol.asyncDispose]: () => stop(server, folder),
  };
}

export interface AzuriteWithTokens extends AsyncDisposable {
  /** A client that has a token and no key. */
  readonly service: BlobServiceClient;
}

/** Azurite behind TLS, as the SDK sends a token to nothing else. All of this process trusts its certificate. */
export async function startAzuriteWithTokens(): Promise<AzuriteWithTokens> {
  const folder = await mkdtemp(join(tmpdir(), "azurite-"));
  const port = await freePort();
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name)) as [string, string];
  const subject = ["-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, ...files], { stdio: "ignore" });
  globalAgent.options.ca = await readFile(cert);
  const server = await start(folder, port, ["--oauth", "basic", "--cert", cert, "--key", key]);
  const url = `https://127.0.0.1:${port}/${account}`;
  return {
    // Without connections that are kept it uses the agent that was told of the certificate.
    service: new BlobServiceClient(url, { getToken }, { keepAliveOptions: { enable: false } }),
    async [Symbol.asyncDispose]() {
      delete globalAgent.options.ca;
      await stop(server, folder);
    },
  };
}

// Azurite reads a token, and does not ask who signed it.
async function getToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
  const now = Math.floor(Date.now() / 1000);
  const identity = "22222222-2222-2222-2222-222222222222";
  const claims = {
    nbf: now - 60,
    iat: now - 60,
    exp: now + 3600,
    oid: identity,
    tid: identity,
    scp: "user_impersonation",
  };
  const issued = { ...claims, iss: "https://sts.windows.net/", aud: "https://storage.azure.com" };
  const parts = [{ alg: "HS256", typ: "JWT" }, issued].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return { token: [...parts, "c2lnbmF0dXJl"].join("."), expiresOnTimestamp: Date.now() + 3_600_000 };
}

async function start(folder: string, port: number, further: readonly string[] = []): Promise<ChildProcess> {
  const options = ["--blobPort", String(port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"];
  const args = [script, "--silent", ...options, ...further];
  const server = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
  await listening(port);
  return server;
}

async function stop(server: ChildProcess, folder: string): Promise<void> {
  const ended = once(server, "exit");
  server.kill();
  await ended;
  await rm(folder, { recursive: true });
}
