import { fetchHandler } from "../fetch.ts";
import { announce, files, upstream } from "../server.ts";

interface BunRuntime {
  serve(options: { port: number; hostname: string; fetch: (request: Request) => Promise<Response> }): { port: number };
}

const { Bun } = globalThis as unknown as { Bun: BunRuntime };
const handler = fetchHandler({ files, upstream });
announce(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => handler(request) }).port);
