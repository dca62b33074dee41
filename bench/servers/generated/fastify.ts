import { Readable } from "node:stream";
import fastify from "fastify";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = async () => {
  const app = fastify();
  app.get("/:name", (request, reply) =>
    reply
      .header("Content-Disposition", 'attachment; filename="generated.bin"')
      .type("application/octet-stream")
      .send(Readable.from(generate(request.url))),
  );
  await app.ready();
  return listen(app.server);
};
