import { readdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { listen, type RunningServer } from "./running-server.ts";

/** One file of an archive. */
export interface Member {
  readonly name: string;
  readonly path: string;
}

/** The files of a folder, whose names an application knows from its database. */
export function membersOf(folder: string): readonly Member[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, path: join(folder, name) }));
}

/** A server that answers `/<folder>.zip` with what `send` makes of the files in that folder. */
export function serveArchives(
  root: string,
  send: (members: readonly Member[], request: IncomingMessage, response: ServerResponse) => void,
): Promise<RunningServer> {
  const known = new Map<string, readonly Member[]>();
  const server = createServer((request, response) => {
    const folder = (request.url ?? "/").slice(1).replace(/\.zip$/, "");
    const members = known.get(folder) ?? membersOf(join(root, folder));
    known.set(folder, members);
    send(members, request, response);
  });
  return listen(server);
}

/** What a handler by hand says of its archive. */
export function writeHead(response: ServerResponse): void {
  response.writeHead(200, {
    "Content-Type": "application/zip",
    "Content-Disposition": 'attachment; filename="archive.zip"',
  });
}
