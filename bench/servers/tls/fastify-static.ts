import fastifyStatic from "@fastify/static";
import fastify from "fastify";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = async (root) => {
  const app = fastify({ https: certificate() });
  await app.register(fastifyStatic, { root });
  await app.ready();
  return listen(app.server);
};
