import { node } from "@elysiajs/node";
import { elysiaApplication } from "../elysia.ts";
import { announce } from "../server.ts";

const app = elysiaApplication({ adapter: node() });
app.listen({ port: 0, hostname: "127.0.0.1" }, async (server) => {
  // Elysia tells the port that it was asked for; the server below it, the one that it got.
  const { raw } = server as unknown as { raw: { ready(): Promise<unknown>; url: string } };
  await raw.ready();
  announce(Number(new URL(raw.url).port));
});
