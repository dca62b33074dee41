import { ZipArchive } from "archiver";
import { serveArchives, writeHead } from "../../harness/archives.ts";
import type { StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  serveArchives(root, (members, _, response) => {
    writeHead(response);
    const archive = new ZipArchive({ store: true });
    archive.on("error", (error) => response.destroy(error));
    archive.pipe(response);
    for (const { name, path } of members) archive.file(path, { name });
    void archive.finalize();
  });
