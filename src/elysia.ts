export * from "./adapters/elysia.ts";
