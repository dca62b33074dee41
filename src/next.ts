export * from "./adapters/next.ts";
