/** A route without the parameter that a view looks for is warned of once; a parameter that the URL may leave out is not. */
import { Router } from "@koa/router";
import { PathDownloadView, type DownloadHandler } from "downloadview";
import { toAstroHandler } from "downloadview/astro";
import { toElysiaHandler } from "downloadview/elysia";
import { toExpressHandler } from "downloadview/express";
import { toFastifyHandler } from "downloadview/fastify";
import { toH3Handler } from "downloadview/h3";
import { toHonoHandler } from "downloadview/hono";
import { toKoaHandler } from "downloadview/koa";
import { toNextHandler } from "downloadview/next";
import { toReactRouterLoader } from "downloadview/react-router";
import { toSvelteKitHandler } from "downloadview/sveltekit";
import { Elysia } from "elysia";
import express from "express";
import Fastify from "fastify";
import { H3 } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listen } from "../support/sockets.ts";

type Ask = (view: DownloadHandler) => Promise<unknown>;

/** The warnings of the package until now; Node emits them in the next turn. */
const warnings: Error[] = [];
const listener = (warning: Error): void => void (warning.name === "DownloadviewWarning" && warnings.push(warning));
beforeEach(() => void process.on("warning", listener));
afterEach(() => {
  process.off("warning", listener);
  warnings.length = 0;
});

/** A view of a name of its own: one warning is written for each message. */
function viewNamed(name: string): DownloadHandler {
  const { [name]: Named } = { [name]: class extends PathDownloadView {} };
  return Named!.asView({ root: import.meta.dirname }) as DownloadHandler;
}

async function warningsOf(name: string, ask: Ask): Promise<string[]> {
  const view = viewNamed(name.replace(/\W/g, ""));
  await ask(view);
  await ask(view);
  await new Promise(setImmediate);
  return warnings.map(({ message }) => message);
}

async function onNode(app: Parameters<typeof listen>[0], path: string): Promise<void> {
  await using server = await listen(app);
  const response = await fetch(server.url + path, { headers: { connection: "close" } });
  await response.arrayBuffer();
  expect(response.status).toBe(404);
}

const web = (path: string): Request => new Request(`http://localhost${path}`);
const left = async (response: Promise<unknown>): Promise<unknown> => response.catch((error: unknown) => error);

const expressWith =
  (route: string, path: string): Ask =>
  (view) =>
    onNode(express().get(route, toExpressHandler(view)), path);
const fastifyWith =
  (route: string, path: string): Ask =>
  async (view) => {
    const app = Fastify();
    app.get(route, toFastifyHandler(view));
    expect((await app.inject(path)).statusCode).toBe(404);
  };
const koaWith =
  (route: string, path: string): Ask =>
  (view) =>
    onNode(new Koa().use(new Router().get(route, toKoaHandler(view)).routes()).callback(), path);
const honoWith =
  (route: string, path: string): Ask =>
  async (view) =>
    new Hono().get(route, toHonoHandler(view)).request(path);
const h3With =
  (route: string, path: string): Ask =>
  async (view) =>
    new H3({ silent: true }).get(route, toH3Handler(view)).request(path);
const elysiaWith =
  (route: string, path: string): Ask =>
  (view) =>
    new Elysia().get(route, toElysiaHandler(view)).handle(web(path));

describe("a route without the parameter", () => {
  it.each<[framework: string, has: string, ask: Ask]>([
    ["Express, *file", 'only "file"', expressWith("/*file", "/a.txt")],
    ["Express, :id", 'only "id"', expressWith("/:id", "/a.txt")],
    [
      "Express, app.use",
      "no parameters",
      (view) => onNode(express().use("/files", toExpressHandler(view)), "/files/a"),
    ],
    ["Fastify, :id", 'only "id"', fastifyWith("/:id", "/a.txt")],
    ["Fastify, none", "no parameters", fastifyWith("/files", "/files")],
    ["Koa, *file", 'only "file"', koaWith("/*file", "/a.txt")],
    ["Koa, app.use", "no parameters", (view) => onNode(new Koa().use(toKoaHandler(view)).callback(), "/a.txt")],
    ["Hono, a wildcard", "no parameters", honoWith("/files/*", "/files/a.txt")],
    ["Hono, :id", 'only "id"', honoWith("/:id", "/a.txt")],
    ["h3, :id", 'only "id"', h3With("/:id", "/a.txt")],
    ["h3, **:file", 'only "file"', h3With("/**:file", "/a.txt")],
    ["Elysia, :id", 'only "id"', elysiaWith("/:id", "/a.txt")],
    ["Next", 'only "file"', (view) => toNextHandler(view)(web("/a"), { params: Promise.resolve({ file: ["a"] }) })],
    ["Next, none", "no parameters", (view) => toNextHandler(view)(web("/a"), {} as never)],
    ["SvelteKit", 'only "file"', (view) => toSvelteKitHandler(view)({ request: web("/a"), params: { file: "a" } })],
    ["Astro", 'only "file"', (view) => toAstroHandler(view)({ request: web("/a"), params: { file: "a" } })],
    [
      "React Router",
      'only "file"',
      (view) => left(toReactRouterLoader(view)({ request: web("/a"), params: { file: "a" } })),
    ],
  ])("is warned of once in %s", async (name, has, ask) => {
    expect(await warningsOf(name, ask)).toEqual([
      expect.stringMatching(new RegExp(`^${name.replace(/\W/g, "")} looks for .* "path", and the route has ${has}`)),
    ]);
  });
});

describe("an optional parameter that the URL leaves out", () => {
  it.each<[framework: string, ask: Ask]>([
    ["Express", expressWith("/:user/files{/*path}", "/ada/files")],
    ["Fastify", fastifyWith("/:user/files/:path?", "/ada/files")],
    ["Koa", koaWith("/:user/files{/*path}", "/ada/files")],
    ["Hono", honoWith("/:user/files/:path?", "/ada/files")],
    ["h3", h3With("/:user/files/**:path", "/ada/files")],
    ["h3, a wildcard without a name", h3With("/:user/files/**", "/ada/files")],
    ["Elysia", elysiaWith("/:user/files/:path?", "/ada/files")],
    ["Elysia, a wildcard", elysiaWith("/files/*", "/files/")],
    ["Next", (view) => toNextHandler(view)(web("/"), { params: Promise.resolve({}) })],
    [
      "SvelteKit",
      (view) => toSvelteKitHandler(view)({ request: web("/"), params: {}, route: { id: "/files/[[path]]" } }),
    ],
    ["Astro", (view) => toAstroHandler(view)({ request: web("/"), params: {}, routePattern: "/files/[...path]" })],
    ["React Router", (view) => left(toReactRouterLoader(view)({ request: web("/"), params: { "*": "" } }))],
  ])("is not warned of in %s", async (name, ask) => {
    expect(await warningsOf(`Optional ${name}`, ask)).toEqual([]);
  });
});
