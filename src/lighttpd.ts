export * from "./offload/lighttpd.ts";
