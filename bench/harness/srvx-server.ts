import { serve, type ServerOptions } from "srvx";
import { portOf, type RunningServer } from "./running-server.ts";

/** A srvx server on a free loopback port. */
export async function listenWithSrvx(options: ServerOptions): Promise<RunningServer> {
  const server = serve({ hostname: "127.0.0.1", port: 0, silent: true, ...options });
  await server.ready();
  return { port: portOf(server.url) };
}
