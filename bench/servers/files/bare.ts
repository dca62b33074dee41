import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listen, type RunningServer, type StartServer } from "../../harness/running-server.ts";

const ETAG = '"bare"';

/** The limit of node:http: files that were read once, and no question asked. */
export const start: StartServer = (root) => startBare(root, []);

/** `fields`, `[name, value, …]`, go with every 200 and 206. */
export function startBare(root: string, fields: readonly string[]): Promise<RunningServer> {
  return listen(createServer(bareHandler(root, fields)));
}

export function bareHandler(root: string, fields: readonly string[]): RequestListener {
  const files = new Map<string, Buffer>();
  return async (request, response) => {
    const name = request.url ?? "/";
    const bytes = files.get(name) ?? (await readFile(join(root, name)));
    files.set(name, bytes);
    respond(request, response, bytes, fields);
  };
}

function respond(request: IncomingMessage, response: ServerResponse, bytes: Buffer, fields: readonly string[]): void {
  if (request.headers["if-none-match"] === ETAG) response.writeHead(304, { ETag: ETAG }).end();
  else if (request.headers.range) sendRange(response, bytes, request.headers.range, fields);
  else response.writeHead(200, ["Content-Length", String(bytes.length), "ETag", ETAG, ...fields]).end(bytes);
}

function sendRange(response: ServerResponse, bytes: Buffer, range: string, fields: readonly string[]): void {
  const [, first = 0, last = 0] = /^bytes=(\d+)-(\d+)$/.exec(range)?.map(Number) ?? [];
  const part = bytes.subarray(first, last + 1);
  const contentRange = `bytes ${first}-${last}/${bytes.length}`;
  response.writeHead(206, ["Content-Length", String(part.length), "Content-Range", contentRange, ...fields]).end(part);
}
