import type { AddressInfo } from "node:net";
import compression from "compression";
import cookieSession from "cookie-session";
import cors from "cors";
import { applyToDownloads, send, toExpressHandler } from "downloadview/express";
import type { default as Express, ErrorRequestHandler, Request } from "express";
import morgan from "morgan";
import onHeaders from "on-headers";
import { earlierFields, offload, report, routes } from "./application.ts";
import { announce, files, log, upstream } from "./server.ts";

declare global {
  namespace Express {
    interface Request {
      user?: string;
    }
  }
}

export function serveExpress(express: typeof Express, wildcard: string): void {
  const app = express();
  // A validator beside an error could then only be the file's.
  app.disable("etag");
  app.use(morgan(":method :url :status", { stream: { write: (line) => void log.push(line.trim()) } }));
  app.use(cors({ origin: "https://app.example", exposedHeaders: "Content-Disposition" }));
  app.use(compression());
  app.use((_request, response, next) => {
    onHeaders(response, () => void response.setHeader("X-After", "kept"));
    next();
  });
  app.use((request, response, next) => {
    for (const [name, value] of earlierFields(request.get("X-Fields"))) response.setHeader(name, value);
    next();
  });
  app.use(cookieSession({ name: "session", secret: "behaviour" }));
  app.use((request, _response, next) => {
    if (request.session) request.session["visits"] = 1;
    const user = request.get("X-User");
    if (user !== undefined) request.user = user;
    next();
  });
  app.use(applyToDownloads(offload));

  const userOf = (request: Request): string | undefined => request.user;
  for (const route of routes({ files, userOf, upstream })) {
    app.all(`/${route.name}${route.wildcard ? `/${wildcard}` : ""}`, toExpressHandler(route.handler));
  }
  app.get("/send", (request, response) => send(request, response, report()));
  app.get("/log", (_request, response) => void response.json(log));
  app.use((_request, response) => void response.status(404).send("the application's own 404\n"));
  const onError: ErrorRequestHandler = (error: { status?: number; headers?: object }, _request, response, next) => {
    if (response.headersSent) return next(error);
    response.status(error.status ?? 500).set(error.headers ?? {});
    response.send("the application's own error\n");
  };
  app.use(onError);

  const server = app.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
}
