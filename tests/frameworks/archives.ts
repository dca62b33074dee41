/** Archives of what every runtime has, remote files and bytes in memory, and of files on a disk where there is one. */
import { download, HTTPFile, PermissionDeniedError, VirtualFile, type DownloadHandler } from "downloadview";
import { ArchiveFile, MemorySelections, selections, type ArchiveEntry } from "downloadview/archive";

const lastModified = new Date("2026-03-04T05:06:08Z");

/** What a client of `/selections` selected. Only the user `ann` may have it. */
const selected = selections({
  store: new MemorySelections(),
  getIds: () => ["a", "b"],
  getUrl: (selection) => `/selections/${selection}`,
  getEntries(ids, { headers }) {
    if (headers.get("X-User") !== "ann") throw new PermissionDeniedError();
    return ids.map((id) => ({ name: `${id}.txt`, file: new VirtualFile(id, { lastModified }) }));
  },
});

/** `/remote.zip`, `/memory.zip` and `/disk.zip`, the same as `.tar`, and `/selections`. */
export function archives(upstream: string, disk: readonly ArchiveEntry[] = []): DownloadHandler<unknown> {
  return async (request, context) => {
    const [, selection] = /\/selections\/?(.*)$/.exec(request.url) ?? [];
    if (selection === "") return selected.post(request, context);
    if (selection) return selected.get(request, { ...context, params: { selection } });
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
