import { sequence, type Handle } from "@sveltejs/kit/hooks";
import { applyToDownloads } from "downloadview/sveltekit";
import { earlierFields, offload } from "../../../application.ts";
import { log } from "../../../server.ts";

const around: Handle = async ({ event, resolve }) => {
  const user = event.request.headers.get("X-User");
  if (user !== null) event.locals.user = user;
  event.cookies.set("session", "1", { path: "/" });
  event.setHeaders(Object.fromEntries(earlierFields(event.request.headers.get("X-Fields"))));
  event.setHeaders({ "access-control-allow-origin": "https://app.example" });
  const response = await resolve(event);
  response.headers.set("X-After", "kept");
  log.push(`${event.request.method} ${event.url.pathname} ${response.status}`);
  return response;
};

export const handle = sequence(around, applyToDownloads(offload));
export const handleError = (): void => undefined;
