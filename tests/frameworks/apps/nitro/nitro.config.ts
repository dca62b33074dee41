import { defineConfig } from "nitro";

export default defineConfig({ serverDir: "server", preset: "node-server" });
