export * from "./adapters/hono.ts";
