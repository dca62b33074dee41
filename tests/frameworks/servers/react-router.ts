import { command, serveBuilt } from "../built.ts";

await serveBuilt({
  folder: "react-router",
  build: [command("@react-router/dev/bin.cjs"), "build"],
  run: () => ["serve.js"],
});
