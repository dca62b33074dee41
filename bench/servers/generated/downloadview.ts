import { createServer } from "node:http";
import { VirtualDownloadView, VirtualFile } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

class GeneratedDownloadView extends VirtualDownloadView {
  override getFile(): VirtualFile {
    return new VirtualFile(() => generate(this.request.url), { name: "generated.bin" });
  }
}

export const start: StartServer = () => listen(createServer(toNodeHandler(GeneratedDownloadView.asView())));
