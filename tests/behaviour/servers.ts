import { contents } from "../frameworks/contents.ts";
import { missingFileCases, type Case, type Expectation } from "./cases.ts";
import type { Protocol } from "./exchange.ts";

/** A server of the application, in one framework on one runtime. */
export interface ServerUnderTest {
  readonly framework: string;
  readonly runtime: Runtime;
  /** Whether it is built before it runs. */
  readonly built?: true;
  /** The module below `tests/frameworks/servers/` that starts it. */
  readonly module: string;
  readonly protocol?: Protocol;
  /** Below which path the application is. */
  readonly base?: string;
  /** What the framework has that the suite can look at. */
  readonly has: readonly Ability[];
  /** What it has beside the others. */
  readonly own?: readonly Case[];
  /** Where it cannot answer like the others, and why. */
  readonly deviations?: readonly Deviation[];
}

export type Runtime = "Node 20" | "Node 22" | "Node 24" | "Node 26" | "Bun" | "Deno" | "workerd";

/** `pages`: the application answers 404 and errors itself. The others: see the cases of that name. */
export type Ability = "disk" | "pages" | "middleware" | "earlier fields" | "compression";

export interface Deviation {
  /** Cases by name, or all of a feature. */
  readonly cases: readonly string[];
  /** Why, in a sentence for the documentation. */
  readonly note: string;
  /** What is seen instead; nothing that could be looked at, if it is left out. */
  readonly response?: Partial<Expectation>;
}

const bunStreams: readonly Deviation[] = [
  {
    cases: ["several ranges in one body", "a file of 8 MiB, to the byte", "206 for the end of a big file"],
    note: "Bun sends no Content-Length beside a stream",
    response: { headers: { "content-length": null } },
  },
];

const workerdStreams: readonly Deviation[] = [
  {
    cases: ["a body that breaks off is not taken for whole"],
    note: "workerd ends a body of unknown length as if it were whole",
    response: { complete: true },
  },
  { cases: ["Aborts"], note: "workerd ends all of an execution whose client has left: nothing is cleaned up by it" },
];

const nestOnly: readonly Case[] = [
  ...missingFileCases,
  {
    feature: "Functions",
    name: "a controller that is a download itself",
    request: { path: "/mixin", headers: { range: "bytes=7-" } },
    response: {
      status: 206,
      headers: { "content-disposition": 'attachment; filename="mixin.txt"' },
      body: "mixin\n",
    },
  },
];

const noLengths: readonly Deviation[] = [
  {
    cases: ["Files", "Ranges", "Remote", "Functions", "Middleware", "Compression"],
    note: "Next.js sends no Content-Length",
    response: { headers: { "content-length": null } },
  },
  {
    cases: ["the variant that lies compressed beside a file"],
    note: "Next.js sends no Content-Encoding: the file itself is sent",
    response: {
      headers: { "content-length": null, "content-encoding": null },
      body: contents["variants/app.js"] ?? "",
    },
  },
];

const astroStreams: readonly Deviation[] = [
  {
    cases: ["a body that breaks off is not taken for whole"],
    note: "Astro adds words of its own before it breaks off",
    response: { body: /^begun/ },
  },
  {
    cases: ["a body that is shorter than promised is not taken for whole"],
    note: "Astro adds words of its own before it breaks off",
    response: { body: /^short/ },
  },
];

const plain = ["disk"] as const;
const onNode = ["earlier fields", "disk"] as const;
const withoutCompression = ["pages", "middleware", "earlier fields", "disk"] as const;
const everything = ["pages", "middleware", "earlier fields", "compression", "disk"] as const;

export const servers: readonly ServerUnderTest[] = [
  { framework: "node:http", runtime: "Node 20", module: "node-http.ts", has: onNode, own: missingFileCases },
  {
    framework: "node:http2",
    runtime: "Node 20",
    module: "node-http2.ts",
    protocol: "HTTP/2",
    has: onNode,
    own: missingFileCases,
  },
  { framework: "Express 5", runtime: "Node 20", module: "express.ts", has: everything },
  { framework: "Express 4", runtime: "Node 20", module: "express-4.ts", has: everything },
  { framework: "Fastify 5", runtime: "Node 20", module: "fastify.ts", has: everything, own: missingFileCases },
  { framework: "Koa 3", runtime: "Node 20", module: "koa.ts", has: everything },
  { framework: "NestJS 12 on Express", runtime: "Node 20", module: "nest-express.ts", has: everything, own: nestOnly },
  { framework: "NestJS 12 on Fastify", runtime: "Node 20", module: "nest-fastify.ts", has: everything, own: nestOnly },
  { framework: "Hono 4", runtime: "Node 20", module: "hono.ts", has: everything, own: missingFileCases },
  { framework: "h3 2", runtime: "Node 20", module: "h3.ts", has: withoutCompression, own: missingFileCases },
  { framework: "Elysia 1", runtime: "Node 20", module: "elysia.ts", has: withoutCompression, own: missingFileCases },
  {
    framework: "Nitro 3",
    runtime: "Node 20",
    module: "nitro.ts",
    built: true,
    has: ["middleware", "earlier fields", "disk"],
  },
  {
    framework: "Next.js 16, route handlers",
    runtime: "Node 20",
    module: "next.ts",
    built: true,
    has: ["compression", "disk"],
    deviations: noLengths,
  },
  {
    framework: "Next.js 16, pages/api",
    runtime: "Node 20",
    module: "next.ts",
    built: true,
    base: "/api",
    has: ["compression", "disk"],
  },
  {
    framework: "SvelteKit 3",
    runtime: "Node 24",
    module: "sveltekit.ts",
    built: true,
    has: ["middleware", "earlier fields", "disk"],
  },
  {
    framework: "Astro 7",
    runtime: "Node 24",
    module: "astro.ts",
    built: true,
    has: ["middleware", "disk"],
    deviations: astroStreams,
  },
  {
    framework: "React Router 8",
    runtime: "Node 24",
    module: "react-router.ts",
    built: true,
    has: ["middleware", "compression", "disk"],
  },
  { framework: "srvx", runtime: "Node 20", module: "srvx.ts", has: plain },
  { framework: "fetch handler on node:http", runtime: "Node 20", module: "fetch-on-node.ts", has: plain },
  { framework: "node:http", runtime: "Node 22", module: "node-http.ts", has: onNode, own: missingFileCases },
  { framework: "Fastify 5", runtime: "Node 22", module: "fastify.ts", has: everything, own: missingFileCases },
  { framework: "Express 5", runtime: "Node 24", module: "express.ts", has: everything },
  { framework: "Hono 4", runtime: "Node 24", module: "hono.ts", has: everything, own: missingFileCases },
  {
    framework: "node:http2",
    runtime: "Node 26",
    module: "node-http2.ts",
    protocol: "HTTP/2",
    has: onNode,
    own: missingFileCases,
  },
  { framework: "Koa 3", runtime: "Node 26", module: "koa.ts", has: everything },
  { framework: "Bun.serve", runtime: "Bun", module: "bun.ts", has: plain, deviations: bunStreams },
  {
    framework: "Elysia 1",
    runtime: "Bun",
    module: "elysia-bun.ts",
    has: withoutCompression,
    deviations: bunStreams,
  },
  {
    framework: "Hono 4",
    runtime: "Bun",
    module: "hono-bun.ts",
    has: everything,
    own: missingFileCases,
    deviations: bunStreams,
  },
  { framework: "Express 5", runtime: "Bun", module: "express.ts", has: everything },
  { framework: "Deno.serve", runtime: "Deno", module: "deno.ts", has: plain },
  { framework: "Hono 4", runtime: "Deno", module: "hono-deno.ts", has: everything, own: missingFileCases },
  { framework: "Express 5", runtime: "Deno", module: "express.ts", has: everything },
  { framework: "Worker", runtime: "workerd", module: "worker-fetch.ts", has: [], deviations: workerdStreams },
  {
    framework: "Hono 4",
    runtime: "workerd",
    module: "worker-hono.ts",
    has: ["pages", "middleware", "earlier fields"],
    deviations: workerdStreams,
  },
];
