import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LocalFile } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { archives } from "../archives.ts";
import { announce, root, upstream } from "../server.ts";

const disk = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ name }) => name)
  .toSorted()
  .map((name) => ({ name, file: new LocalFile(name, { root }) }));
const server = createServer(toNodeHandler(archives(upstream, disk)));
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
