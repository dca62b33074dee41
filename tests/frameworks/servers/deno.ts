import { fetchHandler } from "../fetch.ts";
import { announce, files, upstream } from "../server.ts";

interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; onListen: (address: { port: number }) => void },
    handler: (request: Request) => Promise<Response>,
  ): void;
}

const { Deno } = globalThis as unknown as { Deno: DenoRuntime };
const handler = fetchHandler({ files, upstream });
Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => announce(port) }, (request) => handler(request));
