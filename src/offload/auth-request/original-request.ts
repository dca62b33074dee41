import { InvalidPathError, PermissionDeniedError } from "../../errors.ts";
import { isWithinIPPrefix, type IPPrefix } from "../../http/ip-prefix.ts";
import type { DownloadRequest, ViewContext } from "../../responses/handler.ts";

/** A proxy that asks the application whether it may send a file. */
export interface AskingServer {
  /** Where it says what the client asked for. Undefined: it asks with the client's own method and URL. */
  readonly fields: { readonly method: string; readonly uri: string } | undefined;
  /**
   * Whether it resolves encoded slashes, dot segments and empty segments itself before it looks for the file, as we do.
   * A gateway that passes them on as they are may send another file than the one that was decided on.
   */
  readonly resolvesPaths: boolean;
  /** Whether it passes on the status of a refusal. nginx takes anything but 401 and 403 for a failure of its own. */
  readonly passesStatus: boolean;
  /** Whether it compares the path that was decided on with the one that it has arrived at, by rewrites and error pages. */
  readonly comparesPaths: boolean;
}

/** A server by its name. */
export type AskingServerName = "nginx" | "caddy" | "traefik" | "envoy";

const forwarded = { method: "x-forwarded-method", uri: "x-forwarded-uri" };

export const askingServers: Readonly<Record<AskingServerName, AskingServer>> = {
  nginx: {
    fields: { method: "x-original-method", uri: "x-original-uri" },
    resolvesPaths: true,
    passesStatus: false,
    comparesPaths: true,
  },
  caddy: { fields: forwarded, resolvesPaths: true, passesStatus: true, comparesPaths: false },
  traefik: { fields: forwarded, resolvesPaths: false, passesStatus: true, comparesPaths: false },
  envoy: { fields: undefined, resolvesPaths: false, passesStatus: true, comparesPaths: false },
};

/** What the client asked the proxy for. */
export interface OriginalDownload {
  readonly method: string;
  /** Path and query. The path is normalised. */
  readonly url: string;
  /** The path, decoded: `/media/a b.pdf`. */
  readonly pathname: string;
}

/**
 * What the client asked for, as the proxy says.
 * @throws {PermissionDeniedError} if the proxy says nothing, or nothing clear
 * @throws {InvalidPathError} for a path that the proxy may take for another file than we do
 */
export function originalRequest(request: DownloadRequest, server: AskingServer, pathPrefix: string): OriginalDownload {
  const method = server.fields ? request.headers.get(server.fields.method) : request.method;
  const target = server.fields ? request.headers.get(server.fields.uri) : withoutPrefix(request.url, pathPrefix);
  // Doubled fields are joined by ", ", which stands in no method and in no URL.
  if (method === null || !/^[A-Z]+$/.test(method)) throw refused("the original method is missing or malformed");
  if (target === null || !/^[\x21-\x7e]+$/.test(target)) throw refused("the original URI is missing or malformed");
  return { method, ...normalisedTarget(target, server) };
}

function withoutPrefix(url: string, prefix: string): string | null {
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return target.startsWith(prefix) ? target.slice(prefix.length) : null;
}

/** A target with its path decoded, and with encoded slashes, dot segments and empty segments resolved, once. */
export function normalisedTarget(
  target: string,
  { resolvesPaths }: Pick<AskingServer, "resolvesPaths">,
): Pick<OriginalDownload, "url" | "pathname"> {
  // Some servers end the path at a number sign, and some take it for a part of the name.
  if (target.includes("#")) throw new InvalidPathError(undefined, { cause: "the original URI has a fragment" });
  const [, path = "", query = ""] = /^(?:https?:\/\/[^/?#]*)?(\/[^?]*)(\?.*)?/i.exec(target) ?? [];
  const decoded = decodedPath(path);
  const isPlain = !encodedSlash.test(path) && decoded.split("/").slice(1, -1).every(isName) && isEnd(decoded);
  if (isPlain) return { url: path + query, pathname: decoded };
  if (!resolvesPaths) throw new InvalidPathError(undefined, { cause: `the path ${path} is not normalised` });
  const pathname = resolved(decoded);
  return { url: encodedPath(pathname) + query, pathname };
}

const encodedSlash = /%2f/i;

function decodedPath(path: string): string {
  if (path === "") throw refused("the original URI has no path");
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (cause) {
    throw new InvalidPathError(undefined, { cause });
  }
  // Some servers take a backslash for a slash, and some decode twice.
  if (/[\0-\x1f\x7f\\]|%(?:25)*(?:2f|5c|2e)/i.test(decoded)) {
    throw new InvalidPathError(undefined, { cause: `the path ${path} means different files to different servers` });
  }
  return decoded;
}

function isName(segment: string): boolean {
  return segment !== "" && segment !== "." && segment !== "..";
}

/** The last segment may be empty: the path of a folder ends in a slash. */
function isEnd(path: string): boolean {
  const last = path.slice(path.lastIndexOf("/") + 1);
  return last === "" || isName(last);
}

function resolved(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === ".." && segments.pop() === undefined) {
      throw new InvalidPathError(undefined, { cause: `the path ${path} leads above the root` });
    }
    if (isName(segment)) segments.push(segment);
  }
  const isFolder = segments.length > 0 && /\/(?:\.{1,2})?$/.test(path);
  return `/${segments.join("/")}${isFolder ? "/" : ""}`;
}

function encodedPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** Whether the request comes from a proxy that is trusted to say what its client asked for. */
export function isFromTrusted(context: ViewContext, trusted: readonly IPPrefix[]): boolean {
  const peer = peerAddress(context);
  return peer !== undefined && trusted.some((prefix) => isWithinIPPrefix(peer, prefix));
}

interface Connection {
  readonly remoteAddress?: unknown;
}

/** Where the frameworks' own request objects keep the connection. */
interface NativeRequest {
  readonly socket?: Connection;
  /** Fastify. */
  readonly raw?: { readonly socket?: Connection };
  /** Koa, h3. */
  readonly req?: { readonly socket?: Connection };
  /** Hono on Node. */
  readonly env?: { readonly incoming?: { readonly socket?: Connection } };
}

/**
 * The address at the other end of the connection. Not the client's, which a framework may take from `X-Forwarded-For`: a
 * client behind the proxy must not be able to name itself.
 */
function peerAddress({ native, clientAddress }: ViewContext): string | undefined {
  const { socket, raw, req, env } = (typeof native === "object" && native !== null ? native : {}) as NativeRequest;
  const connection = socket ?? raw?.socket ?? req?.socket ?? env?.incoming?.socket;
  const address = connection ? connection.remoteAddress : clientAddress?.();
  return typeof address === "string" ? address : undefined;
}

export function refused(cause: string): PermissionDeniedError {
  return new PermissionDeniedError("Forbidden", { cause });
}
