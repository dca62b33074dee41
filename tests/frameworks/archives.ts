/** Archives of what every runtime has: remote files, and bytes in memory. */
import { download, HTTPFile, VirtualFile, type DownloadHandler } from "downloadview";
import { ArchiveFile } from "downloadview/archive";

const lastModified = new Date("2026-03-04T05:06:08Z");

/** `/remote.zip`, `/remote.tar`, `/memory.zip` and `/memory.tar`. */
export function archives(upstream: string): DownloadHandler<unknown> {
  return async (request) => {
    const [, source, format] =
      /\/(remote|memory)\.(zip|tar)$/.exec(new URL(request.url, "http://localhost").pathname) ?? [];
    const entries = source === "remote" ? remote(upstream) : memory;
    return download(new ArchiveFile(entries, { format: format as "zip" | "tar" }));
  };
}

const memory = [
  { name: "ünï/hello.txt", file: new VirtualFile("hello", { lastModified }) },
  { name: "blocks.bin", file: new VirtualFile(new Uint8Array(150_000).fill(7), { lastModified }) },
  { name: "folder/" },
];

const remote = (upstream: string) =>
  ["a", "b", "c"].map((name) => ({
    name: `${name}.bin`,
    file: new HTTPFile(`${upstream}/remote.bin`, { allowedHosts: [new URL(upstream).host] }),
    lastModified,
  }));
