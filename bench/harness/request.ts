import type { Workload, WorkloadRequest } from "../workloads.ts";
import { headerOf } from "../load/response-reader.ts";
import type { Child } from "./child.ts";
import { type FileSizes, type Fixtures, type Folder, folders } from "./fixtures.ts";
import type { Check, CheckedResponse, Expected, Target } from "./protocol.ts";

interface PreparedRequest {
  readonly target: Target;
  readonly expected: Expected;
}

/** The request of a workload to one server, after that server has answered it right. */
export async function prepareRequest(
  { request, load: { kind }, protocol = "http" }: Workload,
  port: number,
  load: Child,
  fixtures: Fixtures,
): Promise<PreparedRequest> {
  const prepared = await describe(request, { port, protocol }, load, fixtures.sizes);
  const headOnly = kind === "stalled" || kind === "aborts" || kind === "beside";
  const response = await load.ask<CheckedResponse>("check", { ...prepared.target, headOnly } satisfies Check);
  verifyHead(response, prepared.expected, request);
  if (!headOnly) await verifyBody(response, prepared.expected, request, fixtures);
  return prepared;
}

async function describe(
  request: WorkloadRequest,
  server: Pick<Target, "port" | "protocol">,
  load: Child,
  sizes: FileSizes,
): Promise<PreparedRequest> {
  const target = (path: string, headers = {}): Target => ({ ...server, path, headers });
  switch (request.kind) {
    case "file":
      return request.range
        ? { target: target(`/${request.file}`, rangeHeader(request.range)), expected: part(request.range) }
        : { target: target(`/${request.file}`), expected: { status: 200, bodyBytes: sizes[request.file] } };
    case "revalidation": {
      const etag = await askEtag(target(`/${request.file}`), load);
      return { target: target(`/${request.file}`, { "If-None-Match": etag }), expected: { status: 304, bodyBytes: 0 } };
    }
    case "archive": {
      const path = `/${request.folder}.zip`;
      return { target: target(path), expected: { status: 200, bodyBytes: await askLength(target(path), load) } };
    }
    case "generated":
      return { target: target(request.path), expected: { status: 200, bodyBytes: request.bodyBytes } };
    case "header-only":
      return { target: target(request.path), expected: { status: 200, bodyBytes: 0 } };
  }
}

function rangeHeader({ start, end }: { start: number; end: number }): Record<string, string> {
  return { Range: `bytes=${start}-${end}` };
}

function part({ start, end }: { start: number; end: number }): Expected {
  return { status: 206, bodyBytes: end - start + 1 };
}

async function askEtag(target: Target, load: Child): Promise<string> {
  const { head } = await load.ask<CheckedResponse>("check", { ...target, headOnly: false } satisfies Check);
  const etag = headerOf(head, "etag");
  if (etag === undefined) throw new Error("sends no ETag");
  return etag;
}

/** The length of an archive differs from server to server, and some send none. */
async function askLength(target: Target, load: Child): Promise<number> {
  const { bodyBytes = 0 } = await load.ask<CheckedResponse>("check", { ...target, headOnly: false } satisfies Check);
  return bodyBytes;
}

function verifyHead({ status, head }: CheckedResponse, expected: Expected, request: WorkloadRequest): void {
  if (status !== expected.status) throw new Error(`answers ${status}`);
  if (request.kind === "header-only" && !headerOf(head, request.header)) throw new Error(`sends no ${request.header}`);
}

async function verifyBody(
  { bodyBytes, digest }: CheckedResponse,
  expected: Expected,
  request: WorkloadRequest,
  fixtures: Fixtures,
): Promise<void> {
  if (bodyBytes !== expected.bodyBytes) throw new Error(`sends ${bodyBytes} bytes`);
  if (request.kind === "archive" && bodyBytes < contentBytes(folders[request.folder])) throw new Error("is not whole");
  if (request.kind !== "file") return;
  const range = request.range ?? { start: 0, end: fixtures.sizes[request.file] - 1 };
  if (digest !== (await fixtures.digest(request.file, range))) throw new Error("sends other bytes");
}

function contentBytes({ files, size }: Folder): number {
  return files * size;
}
