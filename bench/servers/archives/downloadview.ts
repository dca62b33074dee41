import { download, LocalFile } from "downloadview";
import { ArchiveFile } from "downloadview/archive";
import { toNodeHandler } from "downloadview/node";
import { serveArchives } from "../../harness/archives.ts";
import type { StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  serveArchives(root, (members, request, response) => {
    const entries = members.map(({ name, path }) => ({ name, file: new LocalFile(path, { root }) }));
    const archive = new ArchiveFile(entries, { maxEntries: 100_000 });
    void toNodeHandler(async () => download(archive))(request, response);
  });
