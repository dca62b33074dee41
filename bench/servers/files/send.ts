import { createServer } from "node:http";
import send from "send";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) =>
  listen(createServer((request, response) => void send(request, request.url ?? "/", { root }).pipe(response)));
