export * from "./offload/nginx.ts";
