import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "downloadview/node";
import { fetchHandler } from "../fetch.ts";
import { announce, files, upstream } from "../server.ts";

const server = createServer(toNodeHandler(fetchHandler({ files, upstream }), { onError: () => undefined }));
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
