import { createServer } from "node:http";
import { join } from "node:path";
import { openLazyFile } from "@remix-run/fs";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { createFileResponse } from "@remix-run/response/file";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const respond = (request: Request): Promise<Response> =>
    createFileResponse(openLazyFile(join(root, new URL(request.url).pathname)), request, { acceptRanges: true });
  return listen(createServer(createRequestListener(respond)));
};
