import { createServer } from "node:http";
import serveStatic from "serve-static";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const serve = serveStatic(root);
  return listen(createServer((request, response) => serve(request, response, () => response.writeHead(404).end())));
};
