export * from "./offload/caddy.ts";
