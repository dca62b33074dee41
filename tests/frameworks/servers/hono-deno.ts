import { application } from "../hono.ts";
import { announce, files, upstream } from "../server.ts";

interface DenoRuntime {
  serve(options: object, handler: (request: Request) => Response | Promise<Response>): void;
}

const { Deno } = globalThis as unknown as { Deno: DenoRuntime };
const { fetch } = application({ files, upstream });
const onListen = ({ port }: { port: number }): void => announce(port);
Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, (request) => fetch(request));
