import { command, serveBuilt } from "../built.ts";

await serveBuilt({
  folder: "astro",
  build: [command("astro/astro.js"), "build"],
  run: () => ["dist/server/entry.mjs"],
});
