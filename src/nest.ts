export * from "./adapters/nest.ts";
