/** What each adapter's types promise, in the words of its framework. Checked, never run. */
import Router from "@koa/router";
import type { RequestEvent, RequestHandler } from "@sveltejs/kit";
import type { Handle } from "@sveltejs/kit/hooks";
import type { APIContext, APIRoute, MiddlewareHandler } from "astro";
import { VirtualDownloadView, VirtualFile, View, download, type DownloadHandler } from "downloadview";
import { applyToDownloads as onAstro, toAstroHandler } from "downloadview/astro";
import { toElysiaHandler } from "downloadview/elysia";
import { toExpressHandler } from "downloadview/express";
import { toFastifyHandler } from "downloadview/fastify";
import { toFetchHandler } from "downloadview/fetch";
import { toH3Handler } from "downloadview/h3";
import { toHonoHandler } from "downloadview/hono";
import { toHTTP2Handler } from "downloadview/http2";
import { toKoaHandler } from "downloadview/koa";
import { toNextHandler } from "downloadview/next";
import { toNodeHandler } from "downloadview/node";
import { toReactRouterLoader, applyToDownloads as onRoute } from "downloadview/react-router";
import { applyToDownloads as onKit, toSvelteKitHandler } from "downloadview/sveltekit";
import { Elysia } from "elysia";
import express, { type Request as ExpressRequest } from "express";
import Fastify, { type FastifyRequest } from "fastify";
import { H3, type H3Event } from "h3";
import { Hono, type Context } from "hono";
import Koa, { type ParameterizedContext } from "koa";
import type { NextRequest } from "next/server.js";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { LoaderFunction, LoaderFunctionArgs, MiddlewareFunction } from "react-router";

/** A view that asks nothing of its framework mounts everywhere. */
const anywhere = VirtualDownloadView.asView({ getFile: () => new VirtualFile("x", { name: "x.txt" }) });
/** So does a function. */
const byFunction: DownloadHandler = async () => download("x", { name: "x.txt" });

export const app = express();
app.get("/a", toExpressHandler(anywhere));
app.get("/b", toExpressHandler(byFunction));
class ExpressView extends View<ExpressRequest> {
  get(): Response {
    return new Response(this.context.native.get("X-User") ?? null);
  }
}
app.get("/c", toExpressHandler(ExpressView.asView()));
app.get(
  "/d",
  toExpressHandler(async (_request, { native }) => download(native.ip ?? "", { name: "ip.txt" })),
);

export const fastify = Fastify();
fastify.get("/a", toFastifyHandler(anywhere));
fastify.get(
  "/b",
  toFastifyHandler(async (_request, { native }) => download(native.ip, { name: "ip.txt" })),
);
class FastifyView extends View<FastifyRequest> {}
fastify.get("/c", toFastifyHandler(FastifyView.asView()));

interface KoaState {
  user?: string;
}
export const koa = new Koa<KoaState>();
koa.use(toKoaHandler(anywhere));
koa.use(toKoaHandler(async (_request, { native }) => download(native.state.user ?? "", { name: "user.txt" })));
const router = new Router<KoaState>();
router.get("/a", toKoaHandler(anywhere));
router.get(
  "/b",
  toKoaHandler(async (_request, { native }) => download(native.state.user ?? "", { name: "user.txt" })),
);
class KoaView extends View<ParameterizedContext<KoaState>> {}
router.get("/c", toKoaHandler(KoaView.asView()));
koa.use(router.routes());

interface Bindings {
  Variables: { user: string };
}
export const hono = new Hono<Bindings>();
hono.get("/a", toHonoHandler(anywhere));
hono.get(
  "/b",
  toHonoHandler<Bindings>(async (_request, { native }) => download(native.get("user"), { name: "user.txt" })),
);
class HonoView extends View<Context<Bindings>> {}
hono.get("/c", toHonoHandler(HonoView.asView()));

export const h3 = new H3();
h3.get("/a", toH3Handler(anywhere));
class H3View extends View<H3Event> {}
h3.get("/b", toH3Handler(H3View.asView()));

export const elysia = new Elysia()
  .derive(() => ({ user: "ada" }))
  .get("/a", toElysiaHandler(anywhere))
  .get("/b", (context) =>
    toElysiaHandler<typeof context>(async (_request, { native }) => download(native.user, { name: "x" }))(context),
  );

export const node = createServer(toNodeHandler(anywhere));
export const interop = createServer(
  toNodeHandler(toFetchHandler(async (_r, { native }) => download(native.url, { name: "x" }))),
);
export const back = toFetchHandler(toNodeHandler(byFunction));
export const http2 = createHttp2Server(
  toHTTP2Handler(async (_r, { native }) => download(native.authority, { name: "x" })),
);

/** As the types that Next.js generates check a route: with the parameters of its folder. */
type NextRoute = (request: NextRequest, context: { params: Promise<{ path: string[] }> }) => Promise<Response>;
export const nextRoute: NextRoute = toNextHandler(anywhere);
export const nextRouteOfNext: NextRoute = toNextHandler<NextRequest>(async (_request, { native }) =>
  download(native.nextUrl.pathname, { name: "path.txt" }),
);

export const kitHandler: RequestHandler = toSvelteKitHandler(anywhere);
export const kitHandlerOfKit: RequestHandler = toSvelteKitHandler(
  async (_request, { native }: { native: RequestEvent }) => download(native.url.pathname, { name: "path.txt" }),
);
export const kitHandle: Handle = onKit();

export const astroRoute: APIRoute = toAstroHandler(anywhere);
export const astroRouteOfAstro: APIRoute = toAstroHandler(async (_request, { native }: { native: APIContext }) =>
  download(native.clientAddress, { name: "ip.txt" }),
);
export const astroMiddleware: MiddlewareHandler = onAstro();

export const loader: LoaderFunction = toReactRouterLoader(anywhere);
export const loaderOfRouter: LoaderFunction = toReactRouterLoader(
  async (_request, { native }: { native: LoaderFunctionArgs }) =>
    download(native.params["id"] ?? "", { name: "id.txt" }),
);
export const routeMiddleware: MiddlewareFunction<Response>[] = [onRoute()];
