import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { withMiddleware } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { dispatcher, earlierFields, offload, report, routes } from "../application.ts";
import { announce, files, upstream } from "../server.ts";

const userOf = ({ headers }: IncomingMessage): string | undefined => headers["x-user"]?.toString();
const send = { name: "send", handler: async () => report() };
const handler = withMiddleware(dispatcher([...routes({ files, userOf, upstream }), send]), offload);
const listener = toNodeHandler(handler, { onError: () => undefined });
const server = createServer((request, response) => {
  for (const [name, value] of earlierFields(request.headers["x-fields"])) response.setHeader(name, value);
  void listener(request, response);
});
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
