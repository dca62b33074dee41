import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { makeZip } from "client-zip";
import { type Member, serveArchives, writeHead } from "../../harness/archives.ts";
import type { StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  serveArchives(root, (members, _, response) => {
    writeHead(response);
    Readable.fromWeb(makeZip(read(members)) as ReadableStream).pipe(response);
  });

async function* read(members: readonly Member[]) {
  for (const { name, path } of members) yield { name, lastModified: 0, input: await readFile(path) };
}
