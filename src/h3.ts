export * from "./adapters/h3.ts";
