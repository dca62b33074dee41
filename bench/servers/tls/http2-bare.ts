import type { RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import { certificate } from "../../harness/certificate.ts";
import { knownFile } from "../../harness/framework-limit.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const handler: RequestListener = async (request, response) => {
    const { bytes, headers } = await knownFile(root, request.url ?? "/");
    response.writeHead(200, headers).end(bytes);
  };
  // The compatibility API, as all others use it.
  return listen(createSecureServer(certificate(), handler as never));
};
