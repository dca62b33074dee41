import { createServer } from "node:http";
import { join } from "node:path";
import { VirtualDownloadView, VirtualFile, withMiddleware } from "downloadview";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { toNodeHandler } from "downloadview/node";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

class GeneratedDownloadView extends VirtualDownloadView {
  override getFile(): VirtualFile {
    return new VirtualFile(() => generate(this.request.url), { name: "generated.bin" });
  }
}

/** Misses: no request finds what another one has made. */
export const start: StartServer = (root) => {
  const kept = new KeptFiles({ folder: join(root, ".kept-misses") });
  let requests = 0;
  const view = withMiddleware(
    GeneratedDownloadView.asView(),
    keepFiles(kept, { key: () => ["file", (requests += 1)] }),
  );
  return listen(createServer(toNodeHandler(view)));
};
