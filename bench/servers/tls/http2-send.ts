import type { RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import send from "send";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const handler: RequestListener = (request, response) =>
    void send(request, request.url ?? "/", { root }).pipe(response);
  return listen(createSecureServer(certificate(), handler as never));
};
