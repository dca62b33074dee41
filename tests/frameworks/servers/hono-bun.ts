import { application } from "../hono.ts";
import { announce, files, upstream } from "../server.ts";

interface BunRuntime {
  serve(options: object): { port: number };
}

const { Bun } = globalThis as unknown as { Bun: BunRuntime };
announce(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: application({ files, upstream }).fetch }).port);
