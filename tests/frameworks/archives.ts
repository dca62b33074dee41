/** Archives of what every runtime has, remote files and bytes in memory, and of files on a disk where there is one. */
import { download, HTTPFile, VirtualFile, type DownloadHandler } from "downloadview";
import { ArchiveFile, type ArchiveEntry } from "downloadview/archive";

const lastModified = new Date("2026-03-04T05:06:08Z");

/** `/remote.zip`, `/memory.zip` and `/disk.zip`, and the same as `.tar`. */
export function archives(upstream: string, disk: readonly ArchiveEntry[] = []): DownloadHandler<unknown> {
  return async (request) => {
    const [, source, format] =
      /\/(remote|memory|disk)\.(zip|tar)$/.exec(new URL(request.url, "http://localhost").pathname) ?? [];
    const entries = source === "remote" ? remote(upstream) : source === "disk" ? disk : memory;
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
