import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import compression from "compression";
import cookieSession from "cookie-session";
import { ApplicationModule, configure } from "../nest.ts";
import { announce } from "../server.ts";

const app = await NestFactory.create<NestExpressApplication>(ApplicationModule, { logger: false });
app.disable("etag");
app.use(compression());
app.use(cookieSession({ name: "session", secret: "behaviour" }));
app.use((request: { session?: { visits?: number } }, _response: unknown, next: () => void) => {
  if (request.session) request.session.visits = 1;
  next();
});
configure(app);
await app.listen(0, "127.0.0.1");
announce(Number(new URL(await app.getUrl()).port));
