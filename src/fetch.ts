export * from "./adapters/fetch.ts";
