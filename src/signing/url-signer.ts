import { ImproperlyConfiguredError } from "../errors.ts";
import { HmacKey, utf8, verifiesWithAny } from "./hmac-key.ts";
import { isWithinIPPrefix, parseIPPrefix } from "../http/ip-prefix.ts";
import { refuseJSON } from "../serialization.ts";
import {
  decodeTerms,
  encodeTerms,
  folderOf,
  formatToken,
  grantCookie,
  grantMessage,
  isBelow,
  parseToken,
  shownGrants,
  type GrantKind,
  type GrantOptions,
  type PrefixGrant,
} from "./prefix-grant.ts";
import { overrideParameters, overridesOf } from "./response-overrides.ts";
import { signableUrl, unsignable } from "./signable-url.ts";
import {
  expiresParameter,
  grantParameter,
  headersParameter,
  ipPrefixParameter,
  reservedParameters,
  signatureParameter,
} from "./signed-parameters.ts";
import {
  formatParameter,
  formatUrl,
  parameterName,
  parameterValue,
  parseUrl,
  percentDecoded,
  type URLParts,
} from "./url-parts.ts";
import {
  refused,
  type ResponseOverrides,
  type SignedRequest,
  type URLVerifier,
  type Verification,
  type VerifyOptions,
} from "./url-verifier.ts";

export interface URLSignerOptions {
  /** At least 32 random bytes each. The first signs and all verify, so that you can rotate keys while old links work. */
  readonly secrets: string | readonly string[];
  /** How long a link works, in seconds. Default 3600. `null`: for ever, or until its secret is removed. */
  readonly expiresIn?: number | null;
  /**
   * Whether a link works only on the host that it was signed for. Default false, so that a proxy may change host and scheme.
   * Set it if several hosts with different files share one secret. Such a signer signs absolute URLs only. It verifies that
   * the URL of the request and its `Host` field, if it has both, name that host.
   */
  readonly bindHost?: boolean;
  /** Parameters that the signature does not cover, such as `utm_source`. No file may depend on them. Default: none. */
  readonly ignoreParameters?: readonly string[];
  /** The clock. */
  readonly now?: () => Date;
}

export interface SignOptions {
  /** How long the link works, in seconds. `null`: for ever. Default: `expiresIn` of the signer. */
  readonly expiresIn?: number | null | undefined;
  /** The moment from which the link no longer works, instead of `expiresIn`. */
  readonly expiresAt?: Date | undefined;
  /** The only method that the link allows. Default `GET`, which allows `HEAD` too. */
  readonly method?: string | undefined;
  /** Header fields that the request must have, with these values. Their names are readable in the link. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The address or prefix that the link works from: `203.0.113.7`, `2001:db8::/32`. Readable in the link. Default: any. */
  readonly ipPrefix?: string | undefined;
  /** The purpose of the link. It is not in the link: the verifier must pass the same `purpose`. Default: none. */
  readonly purpose?: string | undefined;
  /** How the response presents the file. Default: as the view says. */
  readonly response?: ResponseOverrides | undefined;
}

/**
 * Signs URLs and verifies them. Without a secret, no client can make or change a valid URL. A signature covers the method,
 * the path, the query parameters in their order, the expiry, and the constraints in {@link SignOptions}. Equivalent
 * spellings of a URL (RFC 3986 §6.2.2) have the same signature.
 *
 * @example
 * ```ts
 * import { URLSigner } from "downloadview/signing";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const url = await signer.sign("/files/plan.pdf?version=2", { expiresIn: 60 });
 * console.assert((await signer.verify({ url })).ok);
 *
 * const altered = await signer.verify({ url: url.replace("version=2", "version=3") });
 * console.assert(!altered.ok && altered.reason === "invalid");
 * ```
 */
export class URLSigner implements URLVerifier {
  readonly #keys: readonly HmacKey[];
  readonly #expiresIn: number | null;
  readonly #bindHost: boolean;
  readonly #ignored: ReadonlySet<string>;
  readonly #now: () => Date;

  /** @throws {ImproperlyConfiguredError} if a secret has less than 32 bytes, or another option is invalid */
  constructor({ secrets, expiresIn = 3600, bindHost = false, ignoreParameters = [], now }: URLSignerOptions) {
    this.#keys = keysOf([secrets].flat());
    this.#expiresIn = checkedDuration(expiresIn);
    this.#bindHost = bindHost;
    this.#ignored = new Set(ignoreParameters.map(checkedIgnored));
    this.#now = now ?? (() => new Date());
  }

  /**
   * Signs an absolute URL, or one that begins with `/`.
   * @throws {InvalidPathError} if clients would not request the URL unchanged, or it already has a parameter of the signer
   * @throws {ImproperlyConfiguredError} if an option is invalid
   */
  async sign(url: string, options: SignOptions = {}): Promise<string> {
    const parts = signableUrl(url);
    if (this.#bindHost && parts.origin === "") throw unsignable("has no host, which this signer binds");
    const headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    const added = [
      [expiresParameter, this.#expiry(options)],
      [headersParameter, headers.map(([name]) => checkedToken(name)).join(";") || undefined],
      [ipPrefixParameter, checkedIPPrefix(options.ipPrefix)],
      ...overrideParameters(options.response ?? {}),
    ] as const;
    const parameters = [...parts.parameters, ...formatted(added)];
    const signature = await this.#keys[0]!.sign(
      this.#message({ ...parts, parameters }, checkedToken(options.method ?? "GET").toUpperCase(), options.purpose, {
        host: this.#bindHost ? hostOf(parts.origin) : "",
        headers: headers.map(([, value]) => value.trim()),
      }),
    );
    return formatUrl({ ...parts, parameters: [...parameters, formatParameter(signatureParameter, signature)] });
  }

  /**
   * Grants every file below a URL, such as a playlist with all its segments. `signatureRequired(view, { prefixes: true })`
   * accepts the grant, for GET and HEAD. `/videos/4` covers the files below `/videos/4/`, and never `/videos/42`.
   *
   * - `as: "cookie"` (default) returns a `Set-Cookie` value. The URLs of the files stay as they are.
   * - `as: "path"` returns a folder with the grant as its last segment. Relative URLs keep it, in any player.
   * - `as: "query"` returns a parameter, for clients that append it to each URL themselves.
   *
   * A grant allows any query. A client can read the folder, the expiry and the addresses in it.
   *
   * @throws {InvalidPathError} if clients would not request the URL unchanged
   * @throws {ImproperlyConfiguredError} if an option is invalid
   *
   * @example
   * ```ts
   * import { URLSigner } from "downloadview/signing";
   *
   * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
   * const { setCookie } = await signer.grant("/videos/4", { expiresIn: 3600 });
   * const headers = new Headers({ Cookie: setCookie.split(";")[0] ?? "" });
   * console.assert((await signer.verifyGrant({ url: "/videos/4/720p/1.ts", headers })).ok);
   * console.assert(!(await signer.verifyGrant({ url: "/videos/42/720p/1.ts", headers })).ok);
   *
   * const { url } = await signer.grant("/videos/4", { as: "path" });
   * console.assert((await signer.verifyGrant({ url: url + "index.m3u8" })).ok);
   * ```
   */
  async grant<K extends GrantKind = "cookie">(
    prefixUrl: string,
    options: GrantOptions<K> = {},
  ): Promise<Extract<PrefixGrant, { as: K }>> {
    const parts = signableUrl(prefixUrl);
    if (this.#bindHost && parts.origin === "") throw unsignable("has no host, which this signer binds");
    if (parts.parameters.length > 0) throw unsignable("has a query, which the URL of a folder must not have");
    const as: GrantKind = options.as ?? "cookie";
    const prefix = folderOf(parts);
    const expiry = this.#expiry(options);
    const payload = encodeTerms({
      prefix,
      host: this.#bindHost ? hostOf(parts.origin) : "",
      expires: expiry === undefined ? null : Number(expiry),
      ipPrefix: checkedIPPrefix(options.ipPrefix) ?? null,
    });
    const token = formatToken(payload, await this.#keys[0]!.sign(grantMessage(as, payload, options.purpose)));
    const url = parts.origin + prefix;
    const grants: { [A in GrantKind]: () => PrefixGrant | Promise<PrefixGrant> } = {
      cookie: async () => {
        const maxAge = expiry === undefined ? undefined : Number(expiry) - Math.floor(this.#now().getTime() / 1000);
        return { as: "cookie", url, setCookie: await grantCookie(token, prefix, maxAge, options.cookie) };
      },
      path: () => ({ as: "path", url: `${url}${token}/` }),
      query: () => ({ as: "query", url: `${url}?${grantParameter}=${token}`, query: `${grantParameter}=${token}` }),
    };
    if (!Object.hasOwn(grants, as)) {
      throw new ImproperlyConfiguredError(`as must be "cookie", "path" or "query", got ${JSON.stringify(as)}`);
    }
    return (await grants[as]()) as Extract<PrefixGrant, { as: K }>;
  }

  /** Verifies the grant in a request, see {@link grant}. Never throws, for any request. */
  async verifyGrant(request: SignedRequest, options: VerifyOptions = {}): Promise<Verification> {
    const parts = parseUrl(request.url);
    if (parts === undefined) return refused("invalid");
    const shown = shownGrants(parts, request.headers?.get("cookie") ?? null);
    if (shown === undefined) return refused("missing");
    if (signedMethod(request.method ?? "GET") !== "GET") return refused("invalid");
    if (shown.as !== "cookie" && shown.tokens.length > 1) return refused("invalid");
    let refusal = refused("invalid");
    for (const token of shown.tokens) {
      const verification = await this.#verifyToken(shown.as, token, parts, request, options);
      if (verification.ok) return verification;
      if (verification.reason === "expired") refusal = verification;
    }
    return refusal;
  }

  async #verifyToken(
    as: GrantKind,
    token: string,
    parts: URLParts,
    request: SignedRequest,
    { purpose, ip }: VerifyOptions,
  ): Promise<Verification> {
    const parsed = parseToken(token);
    // Routers and views get the path as the client sent it, so the token must be in it literally.
    if (parsed === undefined || (as !== "cookie" && !request.url.includes(token))) return refused("invalid");
    const { payload, signature } = parsed;
    if (!(await verifiesWithAny(this.#keys, signature, grantMessage(as, payload, purpose)))) return refused("invalid");
    const { prefix, host, expires, ipPrefix } = decodeTerms(payload);
    const below = as === "path" ? `${prefix}${token}/` : prefix;
    if (!isBelow(below, parts.path)) return refused("invalid");
    if (host !== (this.#bindHost ? hostAsked(request, parts.origin) : "")) return refused("invalid");
    if (ipPrefix !== null && !allowsAddress(ipPrefix, ip)) return refused("invalid");
    const expiresAt = expires === null ? undefined : new Date(expires * 1000);
    if (expiresAt !== undefined && !(this.#now() < expiresAt)) return refused("expired");
    return { ok: true, signature, ...(expiresAt && { expiresAt }), grant: { as, prefix, token } };
  }

  /** Verifies the signature of a request. Never throws, for any request. */
  async verify(request: SignedRequest, options: VerifyOptions = {}): Promise<Verification> {
    const parts = parseUrl(request.url);
    if (parts === undefined) return refused("invalid");
    const signatures = parts.parameters.filter(isSignature).map(parameterValue);
    const [signature = "", ...others] = signatures;
    if (signatures.length === 0) return refused("missing");
    const parameters = parts.parameters.filter((parameter) => !isSignature(parameter));
    const seen = this.#seen(request, parts.origin, parameters);
    if (others.length > 0 || seen === undefined) return refused("invalid");
    const message = this.#message({ ...parts, parameters }, request.method ?? "GET", options.purpose, seen);
    const valid = await verifiesWithAny(this.#keys, signature, message);
    return valid ? this.#accepted(signature, ownParameters(parameters), options) : refused("invalid");
  }

  /** Returns the host and headers of the request that the signature may be bound to. Undefined if one is missing. */
  #seen(request: SignedRequest, origin: string, parameters: readonly string[]): Bound | undefined {
    const names = ownParameters(parameters).get(headersParameter)?.split(";") ?? [];
    const headers = names.flatMap((name) => headerOf(request, name) ?? []);
    const host = this.#bindHost ? hostAsked(request, origin) : "";
    return host === undefined || headers.length < names.length ? undefined : { host, headers };
  }

  /** Returns the text to sign. It is JSON, so that two different links never have the same text. */
  #message(parts: URLParts, method: string, purpose: string | undefined, bound: Bound): string {
    const covered = parts.parameters.filter((parameter) => !this.#ignored.has(parameterName(parameter)));
    const constraints = [signedMethod(method), bound.host, purpose ?? null, bound.headers];
    // The first string makes the signature differ from everything else that the same secret signs.
    return JSON.stringify(["downloadview signed url 1", ...constraints, parts.path, covered]);
  }

  #accepted(signature: string, own: ReadonlyMap<string, string>, { ip, expiredFor = 0 }: VerifyOptions): Verification {
    const expires = own.get(expiresParameter);
    const expiresAt = expires === undefined ? undefined : new Date(Number(expires) * 1000);
    const now = this.#now();
    const expired = expiresAt !== undefined && !(now < expiresAt);
    if (expired && !(now.getTime() < expiresAt.getTime() + expiredFor * 1000)) return refused("expired");
    const prefix = own.get(ipPrefixParameter);
    if (prefix !== undefined && !allowsAddress(prefix, ip)) return refused("invalid");
    const response = overridesOf(own);
    return {
      ok: true,
      signature,
      ...(expiresAt && { expiresAt }),
      ...(response && { response }),
      ...(expired && { expired }),
    };
  }

  #expiry({ expiresAt, expiresIn }: Pick<SignOptions, "expiresAt" | "expiresIn">): string | undefined {
    if (expiresAt !== undefined && expiresIn !== undefined) {
      throw new ImproperlyConfiguredError("expiresIn and expiresAt must not both be set. Write one of them");
    }
    const seconds = checkedDuration(expiresIn === undefined ? this.#expiresIn : expiresIn);
    if (expiresAt === undefined && seconds === null) return undefined;
    const time = expiresAt?.getTime() ?? this.#now().getTime() + (seconds ?? 0) * 1000;
    if (!(Math.abs(time) <= latestTime)) throw new ImproperlyConfiguredError("expiresAt must be a valid Date");
    return String(Math.ceil(time / 1000));
  }

  /** @throws {TypeError} always: a client must not see the internal state. */
  toJSON(): never {
    return refuseJSON(this, "signer");
  }
}

/** The host and headers that a signature is bound to. */
interface Bound {
  /** Empty if any host is valid. */
  readonly host: string;
  readonly headers: readonly string[];
}

/** The last millisecond that a Date can hold (ECMAScript §21.4.1.1). */
const latestTime = 8.64e15;

// The key of HMAC should be as long as its hash (RFC 2104 §3).
const minSecretBytes = 32;

function keysOf(secrets: readonly string[]): HmacKey[] {
  if (secrets.length === 0)
    throw new ImproperlyConfiguredError("secrets must have at least one secret, got an empty list");
  return secrets.map((secret) => {
    // All lone surrogates have the same three bytes in UTF-8: they add no entropy.
    const bytes = utf8(typeof secret === "string" ? secret.replace(/\p{Surrogate}/gu, "") : "");
    if (bytes.byteLength < minSecretBytes) {
      throw new ImproperlyConfiguredError(
        `A secret must have at least ${minSecretBytes} bytes, got ${bytes.byteLength}. Make one with: openssl rand -hex 32`,
      );
    }
    return new HmacKey("SHA-256", () => bytes);
  });
}

function checkedDuration(seconds: number | null): number | null {
  if (seconds === null || (Number.isFinite(seconds) && seconds > 0)) return seconds;
  throw new ImproperlyConfiguredError(
    `expiresIn must be a positive number of seconds, or null for ever, got ${String(seconds)}`,
  );
}

function checkedIgnored(name: string): string {
  const canonical = parameterName(formatParameter(name, ""));
  if (!reservedParameters.has(canonical)) return canonical;
  throw new ImproperlyConfiguredError(
    `ignoreParameters must not contain ${JSON.stringify(name)}, because the signer itself adds that parameter`,
  );
}

/** Methods and field names are tokens (RFC 9110 §5.6.2). */
function checkedToken(text: string): string {
  if (/^[\w!#$%&'*+\-.^`|~]+$/.test(text)) return text;
  throw new ImproperlyConfiguredError(
    `A method or header name must be a token, such as "GET", got ${JSON.stringify(text)}`,
  );
}

function checkedIPPrefix(prefix: string | undefined): string | undefined {
  if (prefix === undefined || parseIPPrefix(prefix) !== undefined) return prefix;
  throw new ImproperlyConfiguredError(
    `ipPrefix must be an address or a prefix, such as "203.0.113.0/24", got ${JSON.stringify(prefix)}`,
  );
}

function formatted(added: readonly (readonly [name: string, value: string | undefined])[]): string[] {
  return added.flatMap(([name, value]) => (value === undefined ? [] : [formatParameter(name, value)]));
}

function isSignature(parameter: string): boolean {
  return parameterName(parameter) === signatureParameter;
}

/** Methods are case-sensitive (RFC 9110 §9.1), and HEAD answers as GET does (§9.3.2). */
function signedMethod(method: string): string {
  return method === "HEAD" ? "GET" : method;
}

/** Returns the host in lower case, without a default port, as in a `Host` field (RFC 9110 §7.2). Empty if there is none. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : "";
}

/**
 * Returns the requested host. Undefined if the URL and the `Host` field differ: a request line may contain an absolute URL,
 * and applications with several hosts use the field.
 */
function hostAsked({ headers }: SignedRequest, origin: string): string | undefined {
  const hosts = [hostOf(origin), headers?.get("host")?.toLowerCase() ?? ""].filter((host) => host !== "");
  return new Set(hosts).size === 1 ? hosts[0] : undefined;
}

function headerOf({ headers }: SignedRequest, name: string): string | null {
  // The client chose the name, and `Headers` throws for an invalid one.
  return /^[\w!#$%&'*+\-.^`|~]+$/.test(name) ? (headers?.get(name)?.trim() ?? null) : null;
}

function allowsAddress(prefix: string, ip: string | undefined): boolean {
  const parsed = parseIPPrefix(prefix);
  return parsed !== undefined && ip !== undefined && isWithinIPPrefix(ip, parsed);
}

/** Returns the parameters that the signer added, decoded. */
function ownParameters(parameters: readonly string[]): ReadonlyMap<string, string> {
  const own = parameters.filter((parameter) => reservedParameters.has(parameterName(parameter)));
  return new Map(
    own.map((parameter) => [parameterName(parameter), percentDecoded(parameterValue(parameter)) ?? ""] as const),
  );
}
