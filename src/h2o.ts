export * from "./offload/h2o.ts";
