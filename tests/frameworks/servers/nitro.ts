import { command, serveBuilt } from "../built.ts";

await serveBuilt({
  folder: "nitro",
  build: [command("nitro/dist/cli/index.mjs"), "build"],
  run: () => [".output/server/index.mjs"],
});
