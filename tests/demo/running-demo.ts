import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDemo, type DemoOptions } from "../../demo/app.ts";
import { listen } from "../support/sockets.ts";

export interface RunningDemo extends AsyncDisposable {
  readonly url: string;
  /** Where the demo keeps its documents. */
  readonly dataDir: string;
  /** For a test's own files. */
  readonly scratchDir: string;
}

/** The demo as it is after its first start, on a free port, with its data in a folder that goes with it. */
export async function startDemo(options: Omit<DemoOptions, "dataDir"> = {}): Promise<RunningDemo> {
  const folder = await mkdtemp(join(tmpdir(), "downloadview demo "));
  const dataDir = join(folder, "data");
  const demo = await createDemo({ dataDir, ...options });
  const server = await listen(demo.app);
  const scratchDir = await mkdtemp(join(folder, "scratch-"));
  return {
    url: server.url,
    dataDir,
    scratchDir,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await demo.close();
      await rm(folder, { recursive: true });
    },
  };
}

export async function upload(
  demo: RunningDemo,
  name: string,
  body: BodyInit,
  init: RequestInit = {},
): Promise<Response> {
  const url = `${demo.url}/documents?name=${encodeURIComponent(name)}`;
  return fetch(url, { method: "POST", body, ...init });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}
