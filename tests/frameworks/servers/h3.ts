import { applyToDownloads, send, toH3Handler } from "downloadview/h3";
import { H3, handleCors, serve, setCookie, type H3Event } from "h3";
import { earlierFields, offload, report, routes } from "../application.ts";
import { announce, files, log, upstream } from "../server.ts";

const app = new H3({
  silent: true,
  onError: (error) =>
    new Response(`the application's own ${error.status === 404 ? "404" : "error"}\n`, {
      status: error.status,
      headers: error.headers ?? {},
    }),
});
app.use(async (event, next) => {
  const answer = await next();
  event.res.headers.set("X-After", "kept");
  log.push(`${event.req.method} ${event.url.pathname} ${(answer as Response | undefined)?.status ?? 0}`);
  return answer;
});
app.use((event) => void handleCors(event, { origin: ["https://app.example"], exposeHeaders: ["Content-Disposition"] }));
app.use((event) => {
  for (const [name, value] of earlierFields(event.req.headers.get("X-Fields"))) event.res.headers.set(name, value);
  setCookie(event, "session", "1");
  event.context["user"] = event.req.headers.get("X-User") ?? undefined;
});
app.use(applyToDownloads(offload));
const userOf = (event: H3Event): string | undefined => event.context["user"] as string | undefined;
for (const route of routes({ files, userOf, upstream })) {
  app.all(`/${route.name}${route.wildcard ? "/**:path" : ""}`, toH3Handler(route.handler));
}
app.get("/send", (event) => send(event, report()));
app.get("/log", () => log);
app.all("/**", () => new Response("the application's own 404\n", { status: 404 }));

const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(Number(new URL(server.url ?? "").port));
