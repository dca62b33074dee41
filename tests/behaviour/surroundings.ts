import { createServer } from "node:http";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { contents, lastModified } from "../frameworks/contents.ts";
import type { Surroundings } from "./running-server.ts";

/** The files on disk, and the server of the remote ones. */
export async function surroundings(): Promise<Surroundings & AsyncDisposable> {
  const files = await mkdtemp(join(tmpdir(), "behaviour-"));
  for (const [name, content] of Object.entries(contents)) {
    const path = join(files, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await utimes(path, lastModified, lastModified);
  }
  const server = createServer((request, response) => {
    if (request.url !== "/remote.bin") return void response.writeHead(404).end("nothing, says the other server");
    const all = Buffer.from("remote bytes");
    const headers = { etag: '"remote"', "x-upstream": "yes", "content-type": "application/octet-stream" };
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (start === undefined) return void response.writeHead(200, { ...headers, "content-length": 12 }).end(all);
    const part = all.subarray(Number(start), Number(end) + 1);
    const contentRange = `bytes ${start}-${end}/12`;
    response.writeHead(206, { ...headers, "content-length": part.byteLength, "content-range": contentRange }).end(part);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    files,
    upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(files, { recursive: true });
    },
  };
}
