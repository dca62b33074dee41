import { serve } from "@hono/node-server";
import { application } from "../hono.ts";
import { announce, files, upstream } from "../server.ts";

serve({ fetch: application({ files, upstream }).fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => announce(port));
