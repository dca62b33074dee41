export * from "./adapters/fetch.ts";
export { downloadOf } from "./adapters/web-response.ts";
export { pathParams } from "./adapters/path-params.ts";
