import { FastResponse, serve } from "srvx";
import { fetchHandler } from "../fetch.ts";
import { announce, files, upstream } from "../server.ts";

const handler = fetchHandler({ files, upstream, Response: FastResponse });
const server = serve({ port: 0, hostname: "127.0.0.1", silent: true, fetch: (request) => handler(request) });
await server.ready();
announce(Number(new URL(server.url ?? "").port));
