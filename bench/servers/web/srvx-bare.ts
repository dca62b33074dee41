import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

/** The limit of srvx on Node: bytes that were read once. */
export const start: StartServer = (root) => {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return listenWithSrvx({
    fetch: async (request) => {
      const name = new URL(request.url).pathname;
      const bytes = files.get(name) ?? new Uint8Array(await readFile(join(root, name)));
      files.set(name, bytes);
      return new Response(bytes, { headers: { "Content-Length": String(bytes.length) } });
    },
  });
};
