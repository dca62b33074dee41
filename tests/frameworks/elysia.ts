import { applyToDownloads, send, toElysiaHandler, type ElysiaContext } from "downloadview/elysia";
import { Elysia, type ElysiaConfig } from "elysia";
import { earlierFields, offload, report, routes } from "./application.ts";
import { files, log, upstream } from "./server.ts";

type Authenticated = ElysiaContext & { user?: string | undefined };

export function elysiaApplication(config: ElysiaConfig<""> = {}): Elysia {
  const app = new Elysia(config)
    .onRequest(({ request, set }) => {
      Object.assign(set.headers, Object.fromEntries(earlierFields(request.headers.get("X-Fields"))));
      set.headers["access-control-allow-origin"] = "https://app.example";
      set.headers["set-cookie"] = "session=1; Path=/";
    })
    .onRequest(applyToDownloads(offload))
    .derive(({ request }) => ({ user: request.headers.get("X-User") ?? undefined }))
    .onAfterHandle(({ set }) => void (set.headers["x-after"] = "kept"))
    .onAfterResponse(({ request, responseValue, set }) => {
      const status = responseValue instanceof Response ? responseValue.status : set.status;
      log.push(`${request.method} ${new URL(request.url).pathname} ${status}`);
    })
    .onError(({ code, error, set }) => {
      if (code === "NOT_FOUND") return new Response("the application's own 404\n", { status: 404 });
      const { status = 500, headers = {} } = error as { status?: number; headers?: Record<string, string> };
      Object.assign(set.headers, headers);
      return new Response("the application's own error\n", { status });
    });
  const userOf = (context: Authenticated): string | undefined => context.user;
  for (const route of routes<Authenticated>({ files, userOf, upstream })) {
    app.all(`/${route.name}${route.wildcard ? "/*" : ""}`, toElysiaHandler(route.handler));
  }
  app.get("/send", (context) => send(context, report()));
  app.get("/log", () => log);
  return app as never;
}
