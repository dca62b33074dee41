import { route, type RouteConfig } from "@react-router/dev/routes";

export default [
  route("files/*", "routes/files.ts"),
  route("send", "routes/send.ts"),
  route("log", "routes/log.ts"),
  route("*", "routes/all.ts"),
] satisfies RouteConfig;
