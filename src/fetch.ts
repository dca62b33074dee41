export * from "./adapters/fetch.ts";
export { downloadOf } from "./adapters/web-response.ts";
