import { createServer } from "node:https";
import send from "send";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  listen(
    createServer(certificate(), (request, response) => void send(request, request.url ?? "/", { root }).pipe(response)),
  );
