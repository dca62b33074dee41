import { assertChoice } from "../../choice.ts";
import { debug, reasonOf } from "../../diagnostics.ts";
import { ImproperlyConfiguredError, isDownloadError, MethodNotAllowedError } from "../../errors.ts";
import type { DownloadFile } from "../../files/download-file.ts";
import { isHandOffField } from "../../http/hand-off.ts";
import { HeaderFields, sendableFields } from "../../http/header-fields.ts";
import { parseIPPrefix, type IPPrefix } from "../../http/ip-prefix.ts";
import type { DownloadResponse } from "../../responses/download-response.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../../responses/handler.ts";
import { renderResult } from "../../responses/render.ts";
import { handedOverTransfer } from "../../responses/transfer.ts";
import { ownResponses } from "../../responses/web-response.ts";
import {
  askingServers,
  isFromTrusted,
  originalRequest,
  refused,
  type AskingServer,
  type AskingServerName,
  type OriginalDownload,
} from "./original-request.ts";

export interface AuthorizeDownloadsOptions<C = unknown> {
  /** The proxy that asks: nginx `auth_request`, Caddy `forward_auth`, Traefik ForwardAuth, or Envoy `ext_authz` over HTTP. */
  readonly server: AskingServerName;
  /**
   * The addresses of the proxies that may ask: `["127.0.0.1", "::1", "10.0.0.0/8"]`, or a function. Any other gets a 403: it
   * could name whatever original URL it likes. A proxy on a Unix socket has no address: use a function.
   */
  readonly trustedProxies: readonly string[] | ((request: DownloadRequest, context: ViewContext<C>) => boolean);
  /**
   * The parameters of the view, from the decoded path that the client asked for, such as `/media/a b.pdf`. Return undefined
   * for a path that the view does not serve: 404. Default: `{ path }`, the path without its first slash.
   */
  readonly params?: (pathname: string) => Readonly<Record<string, string | undefined>> | undefined;
  /**
   * For object stores: sends the URL that the file's storage signs, good for so many seconds, in `X-Remote-Url`.
   * Default: none is sent.
   */
  readonly presigned?: { readonly expiresIn: number };
  /**
   * For object stores: further fields for the proxy's own request to the store, such as the `Authorization` and the
   * `X-Amz-Date` of a request that is signed in its header. Called for each download that is allowed. Default: none.
   */
  readonly storeFields?: (
    file: DownloadFile,
    original: OriginalDownload,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** For how many seconds a decision is kept. Needs {@link key}. Default 0: every request asks the view. */
  readonly cacheFor?: number;
  /**
   * What a decision depends on besides method and URL: the session, the token. Requests with the same key share a decision
   * for {@link cacheFor} seconds. Undefined: this decision is not kept.
   */
  readonly key?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /** Envoy: the `path_prefix` of its `http_service`, such as `/_downloadview/authorize`. Default: none. */
  readonly pathPrefix?: string;
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * A handler that answers a proxy's question whether a client may have a file, by what `view` would answer: for proxies
 * that have no X-Accel-Redirect, and send or fetch the file themselves.
 *
 * It answers 204 with the fields that belong on the file (disposition, type, `Cache-Control`, policies), or 401, 403 or 404. To
 * nginx, which knows 401 and 403 alone, it sends the status of any other refusal in `X-Download-Status`;
 * the configuration that `downloadview config nginx --auth-request` prints sends it on.
 *
 * The file is described, never opened. `Range` and preconditions are the proxy's. The view sees the method and the URL that
 * the client sent, with encoded slashes and dot segments resolved once; for Traefik and Envoy, which pass them on, such a
 * path is a 404. `onFinish` is told `handedOver`, and `limitedDownloads` counts each question about a GET.
 *
 * @throws {ImproperlyConfiguredError} for an option that can't hold
 *
 * @example
 * ```ts
 * import { authorizeDownloads, MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const storage = new MemoryStorage();
 * await storage.save("plan.pdf", "%PDF-");
 * const authorize = authorizeDownloads(StorageDownloadView.asView({ storage }), {
 *   server: "nginx",
 *   trustedProxies: () => true, // such as ["127.0.0.1"], where the runtime knows the address
 *   params: (pathname) => (pathname.startsWith("/media/") ? { path: pathname.slice("/media/".length) } : undefined),
 * });
 * const handler = toFetchHandler(authorize);
 *
 * const headers = { "X-Original-Method": "GET", "X-Original-URI": "/media/plan.pdf" };
 * const allowed = await handler(new Request("http://app/_downloadview/authorize", { headers }));
 * console.assert(allowed.status === 204);
 * console.assert(allowed.headers.get("Content-Disposition") === 'attachment; filename="plan.pdf"');
 *
 * const missing = { ...headers, "X-Original-URI": "/media/other.pdf" };
 * const refused = await handler(new Request("http://app/_downloadview/authorize", { headers: missing }));
 * console.assert(refused.status === 403 && refused.headers.get("X-Download-Status") === "404");
 * ```
 */
export function authorizeDownloads<C>(
  view: DownloadHandler<C>,
  options: AuthorizeDownloadsOptions<C>,
): DownloadHandler<C> {
  checkOptions(view, options);
  const { params = pathAlone, pathPrefix = "", key, cacheFor = 0, now = () => new Date() } = options;
  const server: AskingServer = askingServers[options.server];
  const isTrusted = trusting(options.trustedProxies);
  const decisions = new Decisions(cacheFor * 1000);
  return async (request, context) => {
    try {
      if (!isTrusted(request, context)) throw refused("the original URL is from a proxy that is not trusted");
      const original = originalRequest(request, server, pathPrefix);
      const known = cacheFor > 0 ? key?.(request, context) : undefined;
      const id = known === undefined ? undefined : JSON.stringify([known, original.method, original.url]);
      const kept = id === undefined ? undefined : decisions.find(id, now().getTime());
      const decision = kept ?? (await decide(view, original, params(original.pathname), request, context, options));
      if (id !== undefined && !kept && decision.isLasting) decisions.keep(id, decision, now().getTime());
      return responseTo(decision, server, original.pathname);
    } catch (error) {
      return responseTo(refusal(error), server);
    }
  };
}

function pathAlone(pathname: string): Readonly<Record<string, string>> {
  return { path: pathname.slice(1) };
}

type Field = readonly [name: string, value: string];

interface Decision {
  readonly status: number;
  readonly fields: readonly Field[];
  /** Whether another request with the same key may have it. */
  readonly isLasting: boolean;
}

async function decide<C>(
  view: DownloadHandler<C>,
  original: OriginalDownload,
  params: Readonly<Record<string, string | undefined>> | undefined,
  request: DownloadRequest,
  context: ViewContext<C>,
  options: AuthorizeDownloadsOptions<C>,
): Promise<Decision> {
  const { method, url } = original;
  if (method !== "GET" && method !== "HEAD") throw new MethodNotAllowedError(["GET", "HEAD"]);
  if (params === undefined) return { status: 404, fields: [], isLasting: true };
  const asked = { method, url, headers: unconditional(request), signal: request.signal } as DownloadRequest;
  const result = await view(asked, { ...context, params });
  const source = sourceOf(result);
  if (!source) return described(result, asked);
  return allowed(source, asked, request, (file) => storeFields(file, original, options));
}

const decidedByProxy = /^(?:range|if-(?:range|match|none-match|modified-since|unmodified-since))$/i;

/** What the client sent, less what the proxy decides: every part is of the same file. */
function unconditional({ headers }: DownloadRequest): DownloadRequest["headers"] {
  return { get: (name) => (decidedByProxy.test(name) ? null : headers.get(name)) };
}

/** The download that a result is, or that it hands over. A refused one has no source. */
function sourceOf(result: DownloadResult): DownloadResponse | undefined {
  if (result.status >= 400) return undefined;
  if (isDownloadResponse(result)) return result;
  const { source } = result as { source?: unknown };
  return isDownloadResponse(source) ? source : undefined;
}

/** What the proxy sends to the object store: a URL that is signed, or fields. */
async function storeFields<C>(
  file: DownloadFile,
  original: OriginalDownload,
  { presigned, storeFields: fieldsFor }: AuthorizeDownloadsOptions<C>,
): Promise<readonly Field[]> {
  const url = presigned && (await file.signedUrl?.(presigned));
  const fields = (await fieldsFor?.(file, original)) ?? {};
  return [...Object.entries(fields), ...(url === undefined ? [] : [["X-Remote-Url", new URL(url).href] as const])];
}

async function allowed(
  source: DownloadResponse,
  asked: DownloadRequest,
  request: DownloadRequest,
  forStore: (file: DownloadFile) => Promise<readonly Field[]>,
): Promise<Decision> {
  const { beforeSend, onFinish } = source;
  const rendered = await source.render({ ...asked, method: "HEAD" });
  const fields = fieldsOf(rendered.headers);
  const { status, delivery } = rendered;
  // As with every offload: the file of a response that is no plain 200 stays where it is.
  if (status < 300 && status !== 200) throw refused(`the view answered ${status}`);
  // Before it counts: a store that can't sign uses up no download.
  const store = status < 300 ? await forStore(source.file) : [];
  const isDownload = status < 400 && asked.method === "GET";
  if (isDownload) await beforeSend?.(handedOverTransfer(withRange(asked, request), sizeIn(fields)));
  const id = isDownload ? await source.deliveryId?.() : undefined;
  if (status < 400) delivery.handOver();
  delivery.finish(status, 0);
  if (status >= 300) return { status, fields: forClient(fields), isLasting: status < 500 };
  // What is counted or reported has to be asked for each time.
  const isLasting = !beforeSend && !onFinish && store.length === 0;
  const ids: readonly Field[] = id === undefined ? [] : [["X-Download-Id", id]];
  return { status: 204, fields: [...forClient(fields), ...store, ...ids], isLasting };
}

function withRange({ method, url }: DownloadRequest, { headers }: DownloadRequest): DownloadRequest {
  return { method, url, headers };
}

function sizeIn(fields: HeaderFields): { size?: number; etag?: string } {
  const [length, etag] = [fields.get("Content-Length"), fields.get("ETag")];
  return { ...(length !== null && { size: Number(length) }), ...(etag !== null && { etag }) };
}

/** A view's answer that is not a download: a redirect, a refusal, a web `Response`. */
async function described(result: DownloadResult, asked: DownloadRequest): Promise<Decision> {
  const { status, headers, delivery, body } = await renderResult(result, asked);
  if (body.kind === "stream") await body.stream.cancel();
  delivery.finish(status, 0);
  // A page that the view made itself, such as a login form: the proxy would send the file in its place.
  if (status < 300) throw refused(`the view answered ${status} without a download`);
  const fields = forClient(fieldsOf(headers));
  return { status, fields, isLasting: status < 500 && result.status !== 429 };
}

function fieldsOf(raw: readonly string[]): HeaderFields {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return new HeaderFields(pairs);
}

/** The proxy makes these itself, of the file that it sends. */
const madeByProxy =
  /^(?:content-(?:length|range|encoding)|accept-ranges|etag|last-modified|transfer-encoding|connection|date)$/i;

function forClient(fields: HeaderFields): Field[] {
  return [...fields].filter(([name]) => !madeByProxy.test(name) && !isHandOffField(name));
}

/** @throws what is no refusal */
function refusal(error: unknown): Decision {
  const status = statusOf(error);
  if (status === undefined) throw error;
  debug(() => `${status} to a proxy that asked: ${reasonOf(error)}`);
  const headers = (error as { headers?: unknown }).headers;
  const fields =
    typeof headers === "object" && headers !== null ? sendableFields(headers as Record<string, unknown>) : {};
  return { status, fields: Object.entries(fields), isLasting: false };
}

/** Of our own errors, and of those of frameworks and of `http-errors`. */
function statusOf(error: unknown): number | undefined {
  if (isDownloadError(error)) return error.status === 500 ? undefined : error.status;
  const { status, statusCode } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const known = status ?? statusCode;
  return typeof known === "number" && known >= 400 && known < 500 ? known : undefined;
}

function responseTo(
  { status, fields }: Decision,
  { passesStatus, comparesPaths }: AskingServer,
  pathname?: string,
): Response {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  if (status !== 204) headers.set("Cache-Control", "no-store");
  const isKnown = passesStatus || status === 204 || status === 401 || status === 403;
  // On each 204 too: proxies take any 2xx for a yes, and by this field tell ours from that of another handler.
  for (const name of ["X-Download-Status", "X-Download-Path"]) headers.delete(name);
  if (status === 204 || !isKnown) headers.set("X-Download-Status", String(status));
  if (status === 204 && comparesPaths && pathname !== undefined) headers.set("X-Download-Path", rawBytes(pathname));
  const response = new Response(null, { status: isKnown ? status : 403, headers });
  ownResponses.add(response);
  return response;
}

/** The bytes of a text in UTF-8, as a field can hold them: nginx compares bytes. */
function rawBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const maxDecisions = 10_000;

/** Decisions of the last few seconds, at most 10,000 of them. */
class Decisions {
  readonly #life: number;
  readonly #kept = new Map<string, { readonly decision: Decision; readonly until: number }>();

  constructor(life: number) {
    this.#life = life;
  }

  find(id: string, now: number): Decision | undefined {
    const found = this.#kept.get(id);
    return found && found.until > now ? found.decision : undefined;
  }

  keep(id: string, decision: Decision, now: number): void {
    this.#kept.delete(id);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= maxDecisions && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(id, { decision, until: now + this.#life });
  }
}

function trusting<C>(
  trusted: AuthorizeDownloadsOptions<C>["trustedProxies"],
): (request: DownloadRequest, context: ViewContext<C>) => boolean {
  if (typeof trusted === "function") return trusted;
  const prefixes = trusted.map(prefixIn);
  return (_, context) => isFromTrusted(context, prefixes);
}

function prefixIn(text: string): IPPrefix {
  const prefix = parseIPPrefix(text);
  if (prefix !== undefined) return prefix;
  throw new ImproperlyConfiguredError(
    `trustedProxies must be addresses such as 127.0.0.1 or 10.0.0.0/8, got ${JSON.stringify(text)}`,
  );
}

// In JavaScript nothing else says so.
function checkOptions<C>(view: unknown, options: AuthorizeDownloadsOptions<C> | undefined): void {
  if (typeof view !== "function") {
    throw new ImproperlyConfiguredError(
      "authorizeDownloads(view, { server, trustedProxies }) needs a handler, such as View.asView()",
    );
  }
  const { server, trustedProxies, cacheFor = 0, key } = options ?? ({} as Partial<AuthorizeDownloadsOptions<C>>);
  if (server === undefined) throw new ImproperlyConfiguredError("authorizeDownloads(view, { server }) needs a server");
  assertChoice(server, Object.keys(askingServers), "authorizeDownloads(): server");
  if (typeof trustedProxies !== "function" && !(Array.isArray(trustedProxies) && trustedProxies.length > 0)) {
    throw new ImproperlyConfiguredError(
      "authorizeDownloads(view, { trustedProxies }) needs the addresses of the proxies that may ask: " +
        '["127.0.0.1", "::1"]. Any other client could name whatever URL it likes',
    );
  }
  if (!(Number.isFinite(cacheFor) && cacheFor >= 0)) {
    throw new ImproperlyConfiguredError(`cacheFor must be a number of seconds, 0 or more, got ${cacheFor}`);
  }
  if (cacheFor > 0 && typeof key !== "function") {
    throw new ImproperlyConfiguredError(
      "authorizeDownloads(view, { cacheFor }) needs a key: what a decision depends on, such as the session. " +
        "Without it, one client would get what another may have",
    );
  }
}
