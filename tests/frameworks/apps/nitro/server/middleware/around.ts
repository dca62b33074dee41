import { applyToDownloads } from "downloadview/h3";
import { defineMiddleware, setCookie } from "nitro/h3";
import { earlierFields, offload } from "../../../../application.ts";
import { log } from "../../../../server.ts";

const capture = applyToDownloads(offload);

export default defineMiddleware(async (event, next) => {
  for (const [name, value] of earlierFields(event.req.headers.get("X-Fields"))) event.res.headers.set(name, value);
  setCookie(event, "session", "1");
  event.res.headers.set("Access-Control-Allow-Origin", "https://app.example");
  event.res.headers.set("X-After", "kept");
  event.context["user"] = event.req.headers.get("X-User") ?? undefined;
  const answer = await capture(event, next);
  log.push(`${event.req.method} ${event.url.pathname} ${(answer as Response | undefined)?.status ?? 0}`);
  return answer;
});
