/**
 * `npm run entered`: how many files and functions of this package one warm request enters, by V8's precise coverage of the compiled sources.
 * A reader who follows a request through the code walks the same way, so fewer is better.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type OutgoingHttpHeaders, type Server } from "node:http";
import { Session } from "node:inspector/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setTimeout } from "node:timers/promises";
import type * as Core from "downloadview";
import type * as Express from "downloadview/express";
import type * as Nginx from "downloadview/nginx";
import express from "express";

// Not dist/, where many modules are one file.
const compiled = await mkdtemp(join(tmpdir(), "entered-"));
await writeFile(join(compiled, "package.json"), JSON.stringify({ type: "module" }));
const options = ["--declaration", "false", "--isolatedDeclarations", "false", "--outDir", compiled];
execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json", ...options], {
  cwd: fileURLToPath(new URL("../", import.meta.url)),
});
const dist = `${pathToFileURL(compiled).href}/`;
const built = async <T>(name: string): Promise<T> => (await import(`${dist}${name}.js`)) as T;
const { PathDownloadView, smartDownloadMiddleware, withMiddleware } = await built<typeof Core>("index");
const { toExpressHandler } = await built<typeof Express>("adapters/express");
const { nginx } = await built<typeof Nginx>("offload/nginx/index");

interface Row {
  readonly name: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly status: number;
}

const folder = await mkdtemp(join(tmpdir(), "entered-"));
await writeFile(join(folder, "ten.bin"), Buffer.alloc(10_000, "x"));
const view = PathDownloadView.asView({ root: folder });
const offload = smartDownloadMiddleware({
  backend: nginx(),
  rules: [{ sourceDir: folder, destinationUrl: "/_downloads/" }],
});
const app = express();
app.get("/files/*path", toExpressHandler(view));
app.get("/offloaded/*path", toExpressHandler(withMiddleware(view, offload)));
const server = createServer(app).listen(0, "127.0.0.1");
await once(server, "listening");

// A file that was written just now is not kept in memory: another write within the same tick would go unseen.
await setTimeout(2_500);

const etag = String((await send(server, { name: "", path: "/files/ten.bin", status: 200 })).etag);
const rows: readonly Row[] = [
  { name: "GET", path: "/files/ten.bin", status: 200 },
  { name: "HEAD", path: "/files/ten.bin", method: "HEAD", status: 200 },
  { name: "304", path: "/files/ten.bin", headers: { "If-None-Match": etag }, status: 304 },
  { name: "range", path: "/files/ten.bin", headers: { Range: "bytes=10-19" }, status: 206 },
  { name: "offload", path: "/offloaded/ten.bin", status: 200 },
];

const session = new Session();
session.connect();
const verbose = process.argv.includes("--names");
console.log("request   files  functions");
for (const row of rows) {
  for (let warm = 0; warm < 20; warm += 1) await send(server, row);
  const entered = await coverage(() => send(server, row));
  const functions = entered.flatMap((file) => file.functions);
  console.log(`${row.name.padEnd(9)} ${String(entered.length).padStart(5)}  ${String(functions.length).padStart(9)}`);
  if (verbose) for (const file of entered) console.log(`  ${file.name}: ${file.functions.join(", ")}`);
}
session.disconnect();
server.closeAllConnections();
server.close();
await Promise.all([folder, compiled].map((path) => rm(path, { recursive: true })));

async function coverage(act: () => Promise<unknown>): Promise<{ name: string; functions: string[] }[]> {
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await session.post("Profiler.takePreciseCoverage");
  await act();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  await session.post("Profiler.stopPreciseCoverage");
  return result
    .filter(({ url }) => url.startsWith(dist))
    .map(({ url, functions }) => ({
      name: url.slice(dist.length),
      functions: functions
        .filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0)
        .map(({ functionName }) => functionName || "(anonymous)"),
    }))
    .filter(({ functions }) => functions.length > 0);
}

function send(to: Server, { path, method = "GET", headers = {}, status }: Row): Promise<{ etag: unknown }> {
  const { port } = to.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    httpRequest({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      response.resume().once("end", () => {
        if (response.statusCode === status) resolve({ etag: response.headers.etag });
        else reject(new Error(`${method} ${path} was answered with ${response.statusCode}, not ${status}`));
      });
    })
      .once("error", reject)
      .end();
  });
}
