import compress from "@fastify/compress";
import cookie from "@fastify/cookie";
import session from "@fastify/session";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { ApplicationModule, configure } from "../nest.ts";
import { announce } from "../server.ts";

const adapter = new FastifyAdapter({ forceCloseConnections: true });
const app = await NestFactory.create<NestFastifyApplication>(ApplicationModule, adapter, { logger: false });
await app.register(compress);
await app.register(cookie);
await app.register(session, { secret: "behaviour-behaviour-behaviour-32", cookie: { secure: false } });
configure(app);
await app.listen(0, "127.0.0.1");
announce(Number(new URL(await app.getUrl()).port));
