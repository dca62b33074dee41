import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "downloadview/node";
import { archives } from "../archives.ts";
import { announce, upstream } from "../server.ts";

const server = createServer(toNodeHandler(archives(upstream)));
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
