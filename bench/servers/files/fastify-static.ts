import fastifyStatic from "@fastify/static";
import fastify from "fastify";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = async (root) => {
  const app = fastify();
  await app.register(fastifyStatic, { root });
  await app.ready();
  return listen(app.server);
};
