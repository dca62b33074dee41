import fastifyStatic from "@fastify/static";
import fastify from "fastify";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = async (root) => {
  const app = fastify({ http2: true, https: certificate() });
  await app.register(fastifyStatic as never, { root });
  await app.ready();
  return listen(app.server);
};
