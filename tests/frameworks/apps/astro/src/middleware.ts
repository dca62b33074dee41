import { defineMiddleware, sequence } from "astro:middleware";
import { applyToDownloads } from "downloadview/astro";
import { offload } from "../../../application.ts";
import { log } from "../../../server.ts";

const around = defineMiddleware(async ({ cookies, locals, request, url }, next) => {
  const user = request.headers.get("X-User");
  if (user !== null) locals.user = user;
  cookies.set("session", "1", { path: "/" });
  const response = await next();
  response.headers.set("Access-Control-Allow-Origin", "https://app.example");
  response.headers.set("X-After", "kept");
  log.push(`${request.method} ${url.pathname} ${response.status}`);
  return response;
});

export const onRequest = sequence(around, applyToDownloads(offload));
