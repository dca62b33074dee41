import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** What one writes by hand. */
export const start: StartServer = () =>
  listen(createServer((request, response) => void pipeline(Readable.from(generate(request.url ?? "/")), response)));
