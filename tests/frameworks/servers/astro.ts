import { command, serveBuilt } from "../built.ts";

await serveBuilt({
  folder: "astro",
  build: [command("astro/bin/astro.mjs"), "build"],
  run: () => ["dist/server/entry.mjs"],
});
