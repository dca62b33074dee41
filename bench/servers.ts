/** Every server that is measured: its module under `servers/`, its name in the tables, and whose versions it shows. */
export interface ServerEntry {
  readonly module: string;
  readonly title: string;
  readonly packages: readonly string[];
  /** Not a peer, but how far anybody could get. */
  readonly limit?: true;
  /** Another way to use downloadview. The first of each list needs no mark. */
  readonly ours?: true;
}

const express: ServerEntry = { module: "files/express", title: "Express `res.sendFile`", packages: ["express"] };
const bare: ServerEntry = { module: "files/bare", title: "bare `res.end(buffer)`", packages: [], limit: true };
const hono: ServerEntry = {
  module: "files/hono",
  title: "Hono `serveStatic`",
  packages: ["hono", "@hono/node-server"],
};
const srvx: ServerEntry = { module: "files/srvx", title: "srvx `staticMiddleware`", packages: ["srvx"] };

/** Whole servers of files. The first of each list is ours, to which the others are compared. */
export const fileServers: readonly ServerEntry[] = [
  { module: "files/downloadview", title: "downloadview", packages: [] },
  { module: "files/downloadview-kept", title: "downloadview, kept files", packages: [], ours: true },
  { module: "files/send", title: "`send`", packages: ["send"] },
  express,
  { module: "files/serve-static", title: "`serve-static`", packages: ["serve-static"] },
  { module: "files/sirv-dev", title: "`sirv`, `dev: true`", packages: ["sirv"] },
  { module: "files/sirv", title: "`sirv`, files listed at start", packages: ["sirv"] },
  { module: "files/fastify-static", title: "`@fastify/static`", packages: ["fastify", "@fastify/static"] },
  { module: "files/koa-send", title: "`@koa/send`", packages: ["koa", "@koa/send"] },
  hono,
  srvx,
  {
    module: "files/remix",
    title: "Remix `createFileResponse`",
    packages: ["@remix-run/response", "@remix-run/fs", "@remix-run/node-fetch-server"],
  },
  { module: "files/nginx", title: "nginx", packages: [], limit: true },
  { module: "files/bare-same-head", title: "bare `res.end(buffer)`, our head", packages: [], limit: true },
  bare,
];

/** Many files: ours with its default memory, with room for all of them, and with none. */
export const ownFileServers: readonly ServerEntry[] = [
  { module: "files/downloadview", title: "downloadview, the default 32 MiB for 98", packages: [] },
  { module: "own/resident", title: "downloadview, room for all", packages: [], ours: true },
  { module: "own/uncached", title: "downloadview, no room", packages: [], ours: true },
  // Without those that cost most with one file, so that the run ends in time.
  ...fileServers.filter(({ module }) => !/downloadview|koa-send|remix|express|srvx/.test(module)),
];

/** Two of each kind would take too long: without those that do as another one does. */
export const latencyServers: readonly ServerEntry[] = fileServers.filter(
  ({ module }) => !["serve-static", "sirv", "koa-send", "srvx", "bare"].includes(module.slice("files/".length)),
);

/** Our own server of `node:http`, where it is the limit of what passes through a framework. */
export const nodeServer: ServerEntry = {
  module: "files/downloadview",
  title: "downloadview on `node:http`",
  packages: [],
  limit: true,
};

/** A handler in Express. */
export const expressServers: readonly ServerEntry[] = [
  { module: "files/downloadview-express", title: "downloadview `toExpressHandler`", packages: ["express"] },
  express,
  { module: "web/express-bare", title: "bare `res.end(buffer)`, our head", packages: [], limit: true },
];

/** A web `Response` through Hono, and what Hono's own adapter makes of it. */
export const honoServers: readonly ServerEntry[] = [
  { module: "files/downloadview-hono", title: "downloadview `toHonoHandler`", packages: ["hono", "@hono/node-server"] },
  {
    module: "web/hono-downloadview",
    title: "downloadview `toFetchHandler`",
    packages: ["hono", "@hono/node-server"],
    ours: true,
  },
  hono,
  { module: "web/hono-bare", title: "bare `new Response(buffer)`, our head", packages: [], limit: true },
];

/** A web `Response` through srvx. */
export const srvxServers: readonly ServerEntry[] = [
  { module: "web/srvx-downloadview", title: "downloadview `toFetchHandler`", packages: ["srvx"] },
  srvx,
  { module: "web/srvx-bare", title: "bare `new Response(buffer)`, our head", packages: [], limit: true },
];

/** HTTP/1.1 over TLS. */
export const httpsServers: readonly ServerEntry[] = overTLS("tls/");

/** HTTP/2 over TLS, by Node's compatibility API. */
export const http2Servers: readonly ServerEntry[] = overTLS("tls/http2-");

/** nginx in front of an application: both together. */
export const behindNginxServers: readonly ServerEntry[] = [
  { module: "behind-nginx/downloadview", title: "downloadview, nginx sends the file", packages: [] },
  { module: "behind-nginx/streamed", title: "downloadview, streamed", packages: [], ours: true },
  { module: "behind-nginx/send", title: "`send`", packages: ["send"] },
  { module: "behind-nginx/express", title: "Express `res.sendFile`", packages: ["express"] },
  { module: "behind-nginx/serve-static", title: "`serve-static`", packages: ["serve-static"] },
  { module: "behind-nginx/sirv-dev", title: "`sirv`, `dev: true`", packages: ["sirv"] },
  { module: "behind-nginx/fastify-static", title: "`@fastify/static`", packages: ["fastify", "@fastify/static"] },
  { module: "files/nginx", title: "nginx alone", packages: [], limit: true },
];

export const offloadServers: readonly ServerEntry[] = [
  { module: "offload/downloadview", title: "downloadview", packages: [] },
  ...byHand("offload"),
  { module: "offload/bare", title: "bare `res.writeHead().end()`", packages: [], limit: true },
];

export const generatedServers: readonly ServerEntry[] = [
  { module: "generated/downloadview", title: "downloadview", packages: [] },
  ...byHand("generated"),
  { module: "generated/bare", title: "`pipeline(Readable.from(…), res)`, by hand", packages: [] },
];

/** Where a file that is made on request is kept: the file that is not kept shows what that costs, and saves. */
export const keptServers: readonly ServerEntry[] = [
  { module: "files/downloadview-kept", title: "downloadview, a hit", packages: [] },
  { module: "kept/miss", title: "downloadview, a miss", packages: [], ours: true },
  { module: "files/downloadview", title: "downloadview, not kept", packages: [], ours: true },
];

/** A generated file, of which each request of the kept one is a miss. */
export const generatedMissServers: readonly ServerEntry[] = [
  { module: "kept/generated-miss", title: "downloadview, a miss", packages: [] },
  { module: "generated/downloadview", title: "downloadview, not kept", packages: [], ours: true },
];

/** A ZIP of many files. The peers send it without a length: it can neither resume nor show its progress. */
export const archiveServers: readonly ServerEntry[] = [
  { module: "archives/downloadview", title: "downloadview", packages: [] },
  { module: "archives/archiver", title: "`archiver`", packages: ["archiver"] },
  { module: "archives/yazl", title: "`yazl`", packages: ["yazl"] },
  { module: "archives/zip-stream", title: "`zip-stream`, from buffers", packages: ["zip-stream"] },
  { module: "archives/client-zip", title: "`client-zip`, from buffers", packages: ["client-zip"] },
];

/** Frameworks that have nothing for it: a handler written by hand. */
function byHand(folder: string): readonly ServerEntry[] {
  return [
    { module: `${folder}/express`, title: "Express, by hand", packages: ["express"] },
    { module: `${folder}/fastify`, title: "Fastify, by hand", packages: ["fastify"] },
    { module: `${folder}/koa`, title: "Koa, by hand", packages: ["koa"] },
    { module: `${folder}/hono`, title: "Hono, by hand", packages: ["hono", "@hono/node-server"] },
    { module: `${folder}/srvx`, title: "srvx, by hand", packages: ["srvx"] },
  ];
}

function overTLS(prefix: string): readonly ServerEntry[] {
  return [
    { module: `${prefix}downloadview`, title: "downloadview", packages: [] },
    { module: `${prefix}send`, title: "`send`", packages: ["send"] },
    { module: `${prefix}fastify-static`, title: "`@fastify/static`", packages: ["fastify", "@fastify/static"] },
    { module: `${prefix}bare`, title: "bare `res.end(buffer)`, our head", packages: [], limit: true },
  ];
}
