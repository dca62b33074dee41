/** Serves one file, and an archive of such files; tells its parent what it holds. */
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ArchiveFile } from "../../src/archive/index.ts";
import { toNodeHandler } from "../../src/adapters/node/index.ts";
import { download, LocalFile } from "../../src/index.ts";

const root = process.argv[2] ?? "";
const names = readdirSync(root);

const server = createServer(
  toNodeHandler(async (request) => {
    if (request.url.startsWith("/file")) return download(new LocalFile(names[0] ?? "", { root }));
    return download(new ArchiveFile(names.map((name) => ({ name, file: new LocalFile(name, { root }) }))));
  }),
);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

process.on("message", () => {
  const targets = readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return [];
    }
  });
  const descriptors = targets.filter((target) => target.startsWith(root)).length;
  process.send?.({ rss: process.memoryUsage.rss(), descriptors });
});
