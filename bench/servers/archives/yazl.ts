import { ZipFile } from "yazl";
import { serveArchives, writeHead } from "../../harness/archives.ts";
import type { StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  serveArchives(root, (members, _, response) => {
    writeHead(response);
    const zip = new ZipFile();
    zip.outputStream.pipe(response);
    for (const { name, path } of members) zip.addFile(path, name, { compress: false });
    zip.end();
  });
