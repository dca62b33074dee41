import { command, serveBuilt } from "../built.ts";

await serveBuilt({
  folder: "sveltekit",
  build: [command("vite/bin/vite.js"), "build"],
  run: () => ["build/index.js"],
});
