import { ImproperlyConfiguredError } from "../errors.ts";
import { unwrap } from "../files/described-file.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadMiddleware, DownloadRequest, DownloadResult, ViewContext } from "../responses/handler.ts";
import { cacheStatus } from "./cache-status.ts";
import { KeepingFile, OpenedOriginal, type KeepingTask } from "./keeping-file.ts";
import { hashKey, type KeptKey } from "./key.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { KeepOptions } from "./kept-options.ts";
import { isUsable, type Found, type KeptStore } from "./kept-store.ts";
import { obtainWhole } from "./obtain-whole.ts";
import { slicedFile } from "./in-slices.ts";
import type { SlicedFile } from "./sliced-file.ts";
import { storeOf } from "./store-of.ts";
import { retryAfter, stillMaking } from "./unavailable.ts";
import { visitOf, type Visit } from "./visit.ts";

/** What a key can be made of. */
export interface KeyInput<F extends DownloadFile = DownloadFile> {
  /** The file that the view returned. */
  readonly file: F;
  readonly request: DownloadRequest;
  /** That of the view. Without parameters, and with `native` undefined, for middleware of a whole application. */
  readonly context: ViewContext;
}

export interface KeepFilesOptions<F extends DownloadFile = DownloadFile> extends KeepOptions {
  /**
   * All that the bytes depend on: the identifier and the revision of what is shown, and, if the bytes differ by user, language
   * or plan, that too. Whatever is missing in it is served to the wrong client. Returns undefined to keep nothing.
   *
   * Required: no key can be guessed. Two users get different bytes from one URL.
   */
  readonly key: (input: KeyInput<F>) => KeptKey | undefined | Promise<KeptKey | undefined>;
  /** For how many milliseconds a HEAD, or a request for a part, waits for a file that is being made. Default 10 000. */
  readonly patience?: number | undefined;
  /** What a client gets whose patience is over: 503 (the default), or 202. Both with Retry-After. */
  readonly lateStatus?: 503 | 202 | undefined;
  /**
   * Keeps a remote file of at least so many bytes in slices of 8 MiB, if its upstream supports ranges and sends a strong entity tag: a
   * client that seeks to the end of a video has only the end fetched. Such a file has no path, so the application sends it.
   * Default: files are kept whole. `64 * 2 ** 20` is a good value for videos.
   */
  readonly sliceFrom?: number | undefined;
  /**
   * Whether `Cache-Status` (RFC 9211) says what each request came to. A text is the name of the cache in it. Default false: it
   * tells a client whether another one has downloaded the file.
   */
  readonly cacheStatus?: boolean | string | undefined;
}

/**
 * Keeps the files of a view: each is made once, and then served like a file on a disk. The view runs for every request before
 * it, so that the permission is decided every time, also for a file that is kept, a stale one and a 304.
 *
 * Put it before `smartDownloadMiddleware()`, so that a server in front sends what is kept.
 *
 * @throws {ImproperlyConfiguredError} without a `key`, and for a time that is no number
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { download, VirtualFile, withMiddleware } from "downloadview";
 * import { keepFiles, KeptFiles } from "downloadview/keep";
 *
 * const kept = new KeptFiles({ folder: await mkdtemp(join(tmpdir(), "kept-")) });
 * let made = 0;
 * const report = withMiddleware(
 *   async () => download(new VirtualFile(() => `report ${(made += 1)}`, { name: "report.txt" })),
 *   keepFiles(kept, { key: ({ context }) => ["report", context.params.id ?? "none"], freshFor: 3600 }),
 * );
 * const context = { params: { id: "7" }, native: undefined };
 * const request = new Request("http://localhost/7", { headers: { Range: "bytes=0-5" } });
 * const result = await report(request, context);
 * assert.ok("render" in result);
 * const rendered = await result.render(request);
 * assert.equal(rendered.status, 206);
 * if (rendered.body.kind === "content") await rendered.body.file.close();
 * await rm(kept.folder, { recursive: true });
 * ```
 */
export function keepFiles<F extends DownloadFile = DownloadFile>(
  kept: KeptFiles,
  options: KeepFilesOptions<F>,
): DownloadMiddleware {
  const { key, patience = 10_000, lateStatus = 503 } = options;
  if (typeof key !== "function") {
    throw new ImproperlyConfiguredError(
      'keepFiles: key must be a function, such as ({ file }) => ["report", file.id, file.revision]. There is no default: ' +
        "a key that lacks what the bytes depend on serves them to the wrong client",
    );
  }
  assertTimes(options, patience);
  const store = storeOf(kept);
  return async (response, request, context = noContext) => {
    if (response.status !== 200) return response;
    const original = response.file as F;
    const given = key({ file: original, request, context });
    const parts = Array.isArray(given) ? (given as KeptKey) : await given;
    if (parts === undefined || parts === null) return response;
    const report = reporter(response, options.cacheStatus);
    const visit = visitOf(hashKey(parts), original, options, { report, patience });
    const sliced = await inSlices(store, visit, request, options.sliceFrom);
    if (sliced) return Object.assign(response, { file: sliced });
    const task = { store, visit };
    const found = store.recent(visit) ?? (await store.find(visit));
    return isUsable(found) ? fromKept(task, response, found) : fromMaking(task, response, request, lateStatus);
  };
}

const noContext: ViewContext = { params: {}, native: undefined };

/** A file that came by no URL is never sliced. */
async function inSlices(
  store: KeptStore,
  visit: Visit,
  { signal }: DownloadRequest,
  from: number | undefined,
): Promise<SlicedFile | undefined> {
  if (from === undefined || unwrap(visit.original).url === undefined) return undefined;
  return slicedFile(store, { ...visit, signal }, from);
}

function fromKept(task: KeepingTask, response: DownloadResponse, found: Found): DownloadResponse {
  const { store, visit } = task;
  store.hit(visit, found);
  if (found.freshness === "revalidating") store.refresh(visit);
  if (!visit.isTaken) releaseFile(visit.original);
  response.file = new KeepingFile(task, found.file);
  return response;
}

async function fromMaking(
  task: KeepingTask,
  response: DownloadResponse,
  request: DownloadRequest,
  lateStatus: 503 | 202,
): Promise<DownloadResult> {
  if (!needsWhole(request)) {
    task.visit.wasLookedFor = true;
    response.file = new KeepingFile(task, undefined);
    return response;
  }
  const { original } = task.visit;
  const visit = { ...task.visit, signal: request.signal, takesOpened: request.method !== "HEAD" };
  const obtained = await obtainWhole(task.store, visit, visit.patience);
  if (obtained.kind === "kept") response.file = new KeepingFile(task, obtained.file);
  if (obtained.kind === "original" && obtained.opened) response.file = new OpenedOriginal(original, obtained.opened);
  if (obtained.kind !== "late") return response;
  if (lateStatus === 503) throw stillMaking();
  const headers = { "Retry-After": String(retryAfter), "Cache-Control": "no-store", "Content-Length": "0" };
  return new Response(null, { status: 202, headers });
}

/** Whether a request can be answered only once the length and the entity tag are known. */
function needsWhole({ method, headers }: DownloadRequest): boolean {
  return method === "HEAD" || ["range", "if-match", "if-unmodified-since"].some((name) => headers.get(name) !== null);
}

function reporter(response: DownloadResponse, name: boolean | string = false): Visit["report"] {
  if (name === false) return undefined;
  const cache = name === true ? "downloadview" : name;
  return (outcome) => {
    const status = cacheStatus(outcome);
    if (status !== undefined) response.headers.set("Cache-Status", `${cache}; ${status}`);
  };
}

function assertTimes(options: KeepFilesOptions<never>, patience: number): void {
  const { freshFor = 0, staleWhileRevalidate = 0, staleIfError = 0, sliceFrom = 0, cacheStatus } = options;
  const { idleTimeout = 0 } = options;
  const times = { freshFor, staleWhileRevalidate, staleIfError, sliceFrom, patience, idleTimeout };
  for (const [name, value] of Object.entries(times)) {
    if (typeof value === "number" && value >= 0) continue;
    throw new ImproperlyConfiguredError(`keepFiles: ${name} must be a number from 0, got ${String(value)}`);
  }
  if (typeof cacheStatus === "string" && !/^[A-Za-z*][\w:/!#$%&'*+.^`|~-]*$/.test(cacheStatus)) {
    throw new ImproperlyConfiguredError(`keepFiles: cacheStatus must be a token, got ${JSON.stringify(cacheStatus)}`);
  }
}
