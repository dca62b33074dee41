import { command, serveBuilt } from "../built.ts";

const next = command("next/dist/bin/next");
await serveBuilt({
  folder: "next",
  build: [next, "build"],
  run: (port) => [next, "start", "--hostname", "127.0.0.1", "--port", String(port)],
});
