import type { IncomingMessage } from "node:http";
import { withMiddleware } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { dispatcher, offload, report, routes } from "../../../../application.ts";
import { files, upstream } from "../../../../server.ts";

const userOf = ({ headers }: IncomingMessage): string | undefined => headers["x-user"]?.toString();
const send = { name: "send", handler: async () => report() };

export const config = { api: { externalResolver: true } };

export default toNodeHandler(
  withMiddleware(dispatcher([...routes({ files, userOf, upstream }), send], "/api/"), offload),
  { onError: () => undefined },
);
