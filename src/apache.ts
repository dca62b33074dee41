export * from "./offload/apache.ts";
