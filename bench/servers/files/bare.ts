import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listen, type StartServer } from "../../harness/running-server.ts";

const ETAG = '"bare"';

/** The limit of node:http: files that were read once, and no question asked. */
export const start: StartServer = (root) => {
  const files = new Map<string, Buffer>();
  return listen(
    createServer(async (request, response) => {
      const name = request.url ?? "/";
      const bytes = files.get(name) ?? (await readFile(join(root, name)));
      files.set(name, bytes);
      respond(request, response, bytes);
    }),
  );
};

function respond(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  if (request.headers["if-none-match"] === ETAG) response.writeHead(304, { ETag: ETAG }).end();
  else if (request.headers.range) sendRange(response, bytes, request.headers.range);
  else response.writeHead(200, { "Content-Length": bytes.length, ETag: ETAG }).end(bytes);
}

function sendRange(response: ServerResponse, bytes: Buffer, range: string): void {
  const [, first = 0, last = 0] = /^bytes=(\d+)-(\d+)$/.exec(range)?.map(Number) ?? [];
  const part = bytes.subarray(first, last + 1);
  const headers = { "Content-Length": part.length, "Content-Range": `bytes ${first}-${last}/${bytes.length}` };
  response.writeHead(206, headers).end(part);
}
