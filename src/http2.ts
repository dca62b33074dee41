export * from "./adapters/http2.ts";
