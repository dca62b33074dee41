import {
  ContentTooLargeError,
  DownloadError,
  FileNotFoundError,
  ImproperlyConfiguredError,
  MethodNotAllowedError,
} from "../errors.ts";
import type { DownloadHandler, DownloadRequest, ViewContext } from "../responses/handler.ts";
import { download } from "../views/download.ts";
import { ArchiveFile, type ArchiveOptions } from "./archive-file.ts";
import { defaultMaxEntries, listedOnce } from "./describe-members.ts";
import type { ArchiveEntries } from "./member.ts";

/** Keeps which files a client selected, until it has downloaded them. */
export interface SelectionStore {
  /** Keeps `ids` under `selection` until `expiresAt`, in milliseconds since 1970. */
  add(selection: string, ids: readonly string[], expiresAt: number): void | Promise<void>;
  /** Undefined for a selection that has expired or never was. */
  get(selection: string): readonly string[] | undefined | Promise<readonly string[] | undefined>;
}

export interface SelectionsOptions<C = unknown> extends Omit<ArchiveOptions, "name"> {
  /** `new MemorySelections()` for one process, `new RedisSelections(client)` for several. */
  readonly store: SelectionStore;
  /** What the client selected, from the body of its POST as the framework parsed it: `(_, { native }) => native.body.ids`. */
  readonly getIds: (
    request: DownloadRequest,
    context: ViewContext<C>,
  ) => readonly string[] | Promise<readonly string[]>;
  /**
   * The URL where `get` is mounted, with `selection` in it, signed if `get` requires a signature:
   * ``(selection) => `/selections/${selection}` ``.
   */
  readonly getUrl: (selection: string, request: DownloadRequest, context: ViewContext<C>) => string | Promise<string>;
  /**
   * The files of `ids`. Called for each GET, also for each part of a download that is resumed: leave out, or refuse with a
   * `PermissionDeniedError`, what this client may not have now.
   */
  readonly getEntries: (
    ids: readonly string[],
    request: DownloadRequest,
    context: ViewContext<C>,
  ) => ArchiveEntries | Promise<ArchiveEntries>;
  /** The parameter of the route of `get` that holds the selection. Default `"selection"`. */
  readonly param?: string | undefined;
  /** What the client sees. Default: `archive.zip` or `archive.tar`. */
  readonly filename?: string | undefined;
  /** How long a selection can be downloaded, in seconds. Default one day. */
  readonly expiresIn?: number | undefined;
}

/** The two handlers of {@link selections}. */
export interface Selections<C = unknown> {
  /** Keeps what the client selected, and sends it to the URL of its archive: 303. */
  readonly post: DownloadHandler<C>;
  /** The archive. It resumes, and can be signed and limited like any other download. */
  readonly get: DownloadHandler<C>;
}

/** All ids of a selection together, in UTF-16 code units. */
const maxLength = 1_000_000;

/**
 * Lets clients download what they select. Hundreds of ids do not fit a URL, and the response to a POST cannot be resumed.
 * So the POST is answered with a redirect to a URL that stands for the selection.
 *
 * The URL is a secret, but no permission: `getEntries` is asked at each GET. Guard the POST against forged requests as
 * you guard any other form.
 *
 * @throws {ImproperlyConfiguredError} if `expiresIn` is not a positive number, or a function is missing
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualFile } from "downloadview";
 * import { MemorySelections, selections } from "downloadview/archive";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const { post, get } = selections<Request>({
 *   store: new MemorySelections(),
 *   getIds: async (_, { native }) => (await native.formData()).getAll("id").map(String),
 *   getUrl: (selection) => `/selections/${selection}`,
 *   getEntries: (ids) => ids.map((id) => ({ name: `${id}.txt`, file: new VirtualFile(id) })),
 *   filename: "Selected.zip",
 * });
 * const body = new URLSearchParams([["id", "a"], ["id", "b"]]);
 * const redirect = await toFetchHandler(post)(new Request("http://localhost/selections", { method: "POST", body }));
 * assert.equal(redirect.status, 303);
 * const location = redirect.headers.get("Location") ?? "";
 * const selection = location.slice("/selections/".length);
 * const response = await toFetchHandler(get)(new Request(`http://localhost${location}`), { params: { selection } });
 * assert.equal(response.headers.get("Content-Disposition"), 'attachment; filename="Selected.zip"');
 * assert.equal(response.headers.get("Accept-Ranges"), "bytes");
 * await response.body?.cancel();
 * ```
 */
export function selections<C = unknown>(options: SelectionsOptions<C>): Selections<C> {
  const { store, getIds, getUrl, getEntries, param = "selection", expiresIn = 24 * 3600, filename, ...rest } = options;
  for (const [name, value] of Object.entries({ getIds, getUrl, getEntries })) {
    if (typeof value !== "function") throw new ImproperlyConfiguredError(`selections() needs the function ${name}`);
  }
  if (!(expiresIn > 0)) {
    throw new ImproperlyConfiguredError(`expiresIn must be a positive number of seconds, got ${expiresIn}`);
  }
  const { maxEntries = defaultMaxEntries } = rest;
  return {
    post: async (request, context) => {
      if (request.method !== "POST") throw new MethodNotAllowedError(["POST"]);
      const ids = checkedIds(await getIds(request, context), maxEntries);
      const selection = randomName();
      await store.add(selection, ids, Date.now() + expiresIn * 1000);
      const location = await getUrl(selection, request, context);
      return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
    },
    get: async (request, context) => {
      if (request.method !== "GET" && request.method !== "HEAD") throw new MethodNotAllowedError(["GET", "HEAD"]);
      const ids = await store.get(context.params[param] ?? "");
      if (!ids) throw new FileNotFoundError();
      const archive = new ArchiveFile(
        listedOnce(() => getEntries(ids, request, context), maxEntries),
        { ...rest, name: filename },
      );
      return download(archive);
    },
  };
}

/** @throws {DownloadError} 400 if nothing is selected, 413 if the selection is too large */
function checkedIds(ids: unknown, maxIds: number): readonly string[] {
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === "string")) {
    throw new DownloadError(400, "Nothing was selected");
  }
  const texts: readonly string[] = ids;
  const length = texts.reduce((sum, id) => sum + id.length, 0);
  if (texts.length > maxIds || length > maxLength) {
    throw new ContentTooLargeError(undefined, {
      cause: new Error(`A selection of ${texts.length} ids, ${length} characters`),
    });
  }
  return [...texts];
}

/** 128 random bits. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
