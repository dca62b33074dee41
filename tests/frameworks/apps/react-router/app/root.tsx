import { applyToDownloads } from "downloadview/react-router";
import type { ReactNode } from "react";
import { Outlet, type MiddlewareFunction } from "react-router";
import { offload } from "../../../application.ts";
import { log } from "../../../server.ts";
import { userContext } from "./user.ts";

const around: MiddlewareFunction<Response> = async ({ context, request }, next) => {
  context.set(userContext, request.headers.get("X-User") ?? undefined);
  const response = await next();
  response.headers.set("Access-Control-Allow-Origin", "https://app.example");
  response.headers.append("Set-Cookie", "session=1; Path=/");
  response.headers.set("X-After", "kept");
  log.push(`${request.method} ${new URL(request.url).pathname} ${response.status}`);
  return response;
};

export const middleware = [around, applyToDownloads(offload)];

export default function Root(): ReactNode {
  return <Outlet />;
}
