import fastify from "fastify";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = async () => {
  const app = fastify();
  app.get("/:name", (_request, reply) => reply.headers(OFFLOAD_HEADERS).send());
  await app.ready();
  return listen(app.server);
};
