import { ImproperlyConfiguredError } from "../errors.ts";
import { encodeBase64Url, utf8 } from "./hmac-key.ts";
import type { URLParts } from "./url-parts.ts";
import { parameterName, parameterValue } from "./url-parts.ts";
import { grantParameter } from "./signed-parameters.ts";
import { unsignable } from "./signable-url.ts";

/** How a grant travels: in a cookie, in a segment of the path, or in a parameter of the query. */
export type GrantKind = "cookie" | "path" | "query";

/** The attributes of a grant's cookie (RFC 6265bis §5.6). It is always `HttpOnly`, and its `Path` is the folder. */
export interface GrantCookieOptions {
  /** Default `"Lax"`. `"None"` for pages of other sites that play or embed the files. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** Default true. Set it to false only for tests over plain HTTP. */
  readonly secure?: boolean;
  /** Whether the cookie is kept apart for each site that embeds the files (CHIPS). Default false. */
  readonly partitioned?: boolean;
  /** Default: the host that sets the cookie, and no other. */
  readonly domain?: string;
}

export interface GrantOptions<K extends GrantKind = GrantKind> {
  /** How the grant travels. Default `"cookie"`. */
  readonly as?: K | undefined;
  /** How long the grant works, in seconds. `null`: for ever. Default: `expiresIn` of the signer. */
  readonly expiresIn?: number | null | undefined;
  /** The moment from which the grant no longer works, instead of `expiresIn`. */
  readonly expiresAt?: Date | undefined;
  /** The address or prefix that the grant works from: `203.0.113.7`, `2001:db8::/32`. Readable in the grant. Default: any. */
  readonly ipPrefix?: string | undefined;
  /** The purpose of the grant. It is not in the grant: `signatureRequired` must have the same `purpose`. Default: none. */
  readonly purpose?: string | undefined;
  /** The attributes of the cookie, if `as` is `"cookie"`. */
  readonly cookie?: GrantCookieOptions | undefined;
}

/** A grant for all files below a URL. */
export type PrefixGrant =
  | {
      readonly as: "cookie";
      /** The folder. The URLs of its files do not change. */
      readonly url: string;
      /** The value of a `Set-Cookie` field, for a response of the same host. */
      readonly setCookie: string;
    }
  | {
      readonly as: "path";
      /** The folder, with the grant as its last segment. Append the name of a file; relative URLs in it keep the grant. */
      readonly url: string;
    }
  | {
      readonly as: "query";
      /** The folder, with the grant in its query. */
      readonly url: string;
      /** The parameter, `name=value`, to append to the query of each URL. */
      readonly query: string;
    };

/** The terms that are signed. The token contains them, so that it can be verified without a store. */
export interface GrantTerms {
  /** A canonical path that ends in a slash. */
  readonly prefix: string;
  /** Empty for any host. */
  readonly host: string;
  /** In seconds since the epoch. */
  readonly expires: number | null;
  readonly ipPrefix: string | null;
}

const tokenShape = /^g1\.([\w-]+)\.([\w-]{43})$/;

/** Joins `g1`, the terms, and the signature of both. Its characters are allowed anywhere in a URL or a cookie. */
export function formatToken(payload: string, signature: string): string {
  return `g1.${payload}.${signature}`;
}

export function encodeTerms({ prefix, host, expires, ipPrefix }: GrantTerms): string {
  return encodeBase64Url(utf8(JSON.stringify([prefix, host, expires, ipPrefix])));
}

/** Parses a payload whose signature was verified, so that its form is known. */
export function decodeTerms(payload: string): GrantTerms {
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
  const [prefix, host, expires, ipPrefix] = JSON.parse(new TextDecoder().decode(bytes)) as [
    string,
    string,
    number | null,
    string | null,
  ];
  return { prefix, host, expires, ipPrefix };
}

export function parseToken(token: string): { readonly payload: string; readonly signature: string } | undefined {
  const [, payload, signature] = tokenShape.exec(token) ?? [];
  return payload === undefined || signature === undefined ? undefined : { payload, signature };
}

/** Returns the text to sign. It is JSON, so that two different grants never have the same text. */
export function grantMessage(as: GrantKind, payload: string, purpose: string | undefined): string {
  return JSON.stringify(["downloadview grant 1", as, purpose ?? null, payload]);
}

/** Returns the folder of a grant, with a slash at the end: `/videos/4/` does not contain `/videos/42`. */
export function folderOf({ path }: URLParts): string {
  const folder = path.endsWith("/") ? path : `${path}/`;
  if (!isPlain(folder.slice(1))) throw unsignable("has an empty segment or an encoded separator");
  return folder;
}

/** Whether the canonical `path` is in the folder `prefix`, in every way that a router or a file system may decode it. */
export function isBelow(prefix: string, path: string): boolean {
  return path.startsWith(prefix) && isPlain(path.slice(prefix.length));
}

// An encoded separator or dot segment, once or twice, an empty segment, NUL.
const ambiguous = /%(?:25)?(?:2f|5c|2e|00)|%00|\\|\/\/|^\//i;

function isPlain(rest: string): boolean {
  return !ambiguous.test(rest) && !rest.split("/").some((segment) => segment === "." || segment === "..");
}

/** The tokens in a request. Only cookies may be several, one for each folder: otherwise the request is invalid. */
export interface ShownGrants {
  readonly as: GrantKind;
  readonly tokens: readonly string[];
}

export function shownGrants(parts: URLParts, cookie: string | null): ShownGrants | undefined {
  const inPath = parts.path.split("/").filter((segment) => tokenShape.test(segment));
  if (inPath.length > 0) return { as: "path", tokens: inPath };
  const inQuery = parts.parameters.filter((parameter) => parameterName(parameter) === grantParameter);
  if (inQuery.length > 0) return { as: "query", tokens: inQuery.map(parameterValue) };
  const inCookies = cookieTokens(cookie ?? "");
  return inCookies.length > 0 ? { as: "cookie", tokens: inCookies } : undefined;
}

const cookieName = /^(?:__Secure-)?downloadview-grant-[\w-]{8}$/;

/** Returns the tokens in a `Cookie` field. If two cookies have one name, both are ignored: an attacker may have set one. */
function cookieTokens(field: string): string[] {
  const byName = new Map<string, string[]>();
  for (const pair of field.split(";")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at > 0 && cookieName.test(name)) byName.set(name, [...(byName.get(name) ?? []), pair.slice(at + 1).trim()]);
  }
  // A duplicate name becomes an empty token, so that the request is "invalid" and not "missing".
  return [...byName.values()].map((values) => (values.length === 1 ? values[0]! : ""));
}

/** The size of a cookie that every browser stores, in bytes (RFC 6265bis §5.6). */
const maxCookieBytes = 4096;

export async function grantCookie(
  token: string,
  prefix: string,
  maxAge: number | undefined,
  { sameSite = "Lax", secure = true, partitioned = false, domain }: GrantCookieOptions = {},
): Promise<string> {
  if (!["Strict", "Lax", "None"].includes(sameSite)) {
    throw new ImproperlyConfiguredError(`sameSite must be "Strict", "Lax" or "None", got ${JSON.stringify(sameSite)}`);
  }
  if (!secure && (sameSite === "None" || partitioned)) {
    throw new ImproperlyConfiguredError(
      'secure must be true for a cookie with sameSite: "None" or partitioned: true, because browsers refuse it otherwise',
    );
  }
  if (domain !== undefined && !/^[\w.-]+$/.test(domain)) {
    throw new ImproperlyConfiguredError(`domain must be a host name, got ${JSON.stringify(domain)}`);
  }
  if (prefix.includes(";")) throw unsignable("has a semicolon, which the path of a cookie can't have");
  const pair = `${await nameFor(prefix, secure)}=${token}`;
  if (pair.length > maxCookieBytes) throw unsignable("is too long for a cookie");
  return [
    pair,
    `Path=${prefix}`,
    ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    "HttpOnly",
    ...(secure ? ["Secure"] : []),
    `SameSite=${sameSite}`,
    ...(partitioned ? ["Partitioned"] : []),
  ].join("; ");
}

/** Returns one name for each folder, so that a later grant replaces an earlier one. */
async function nameFor(prefix: string, secure: boolean): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(prefix)));
  return `${secure ? "__Secure-" : ""}downloadview-grant-${encodeBase64Url(hash.subarray(0, 6))}`;
}
