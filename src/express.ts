export * from "./adapters/express.ts";
