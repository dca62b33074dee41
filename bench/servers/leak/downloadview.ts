import { createServer } from "node:http";
import { download, PathDownloadView } from "downloadview";
import { pathParams, toNodeHandler } from "downloadview/node";
import { limitedDownloads } from "downloadview/signing";
import { KIB } from "../../harness/fixtures.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

const CHUNK = Buffer.alloc(10 * KIB, "downloadview ");

async function* generate(): AsyncGenerator<Buffer<ArrayBuffer>> {
  for (let chunk = 0; chunk < 10; chunk++) yield CHUNK;
}

/** Files, links that can be used once and expire after two seconds, and bodies that are generated. */
export const start: StartServer = (root) => {
  let requests = 0;
  const files = toNodeHandler(PathDownloadView.asView({ root, attachment: false }), { params: pathParams });
  const limited = toNodeHandler(
    limitedDownloads(PathDownloadView.asView({ root, path: "10KiB.bin" }), {
      limit: 1,
      within: 2,
      resumeWithin: 2,
      key: () => `link ${requests++}`,
    }),
  );
  const generated = toNodeHandler(async () => download(generate(), { name: "generated.bin" }));
  return listen(
    createServer((request, response) => {
      if (request.url === "/limited") return void limited(request, response);
      if (request.url === "/generated") return void generated(request, response);
      void files(request, response);
    }),
  );
};
