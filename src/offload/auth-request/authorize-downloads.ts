import { assertChoice } from "../../choice.ts";
import { ImproperlyConfiguredError } from "../../errors.ts";
import type { DownloadFile } from "../../files/download-file.ts";
import { parseIPPrefix, type IPPrefix } from "../../http/ip-prefix.ts";
import { type DownloadHandler, type DownloadRequest, type ViewContext } from "../../responses/handler.ts";
import { ownResponses } from "../../responses/web-response.ts";
import { decide, Decisions, refusal, type Decision, type Field } from "./decision.ts";
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
      const forStore = (file: DownloadFile): Promise<readonly Field[]> => storeFields(file, original, options);
      const kept = id === undefined ? undefined : decisions.find(id, now().getTime());
      const decision = kept ?? (await decide(view, original, params(original.pathname), request, context, forStore));
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
