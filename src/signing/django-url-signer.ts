import { assertChoice } from "../choice.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { refuseJSON } from "../serialization.ts";
import { HmacKey, utf8, verifiesWithAny } from "./hmac-key.ts";
import { signableUrl } from "./signable-url.ts";
import { signatureParameter } from "./signed-parameters.ts";
import { canonicalPath, formatUrl, parameterName, parameterValue, parseUrl, percentDecoded } from "./url-parts.ts";
import type { SignOptions } from "./url-signer.ts";
import {
  refused,
  type SignedRequest,
  type URLVerifier,
  type Verification,
  type VerifyOptions,
} from "./url-verifier.ts";

export interface DjangoUrlSignerOptions {
  /** Django's `SECRET_KEY`. */
  readonly secretKey: string;
  /** Django's `SECRET_KEY_FALLBACKS`: they verify, and never sign. */
  readonly fallbackKeys?: readonly string[];
  /** How old a signature may be, in seconds: django-downloadview's `DOWNLOADVIEW_URL_EXPIRATION`. Default: any age. */
  readonly maxAge?: number;
  /** Django's `salt`. Default: that of `TimestampSigner`. */
  readonly salt?: string;
  /** `sha1` for a Django before 3.1. Default `sha256`. */
  readonly algorithm?: "sha256" | "sha1";
  /** The clock. */
  readonly now?: () => Date;
}

/**
 * Signs as django-downloadview does, and verifies its signatures, so that a Django site and this one can share links.
 * The signature is that of Django's `TimestampSigner` over the path: it covers neither the query nor the method, and
 * carries no overrides. Prefer `URLSigner` for links that Django does not verify.
 *
 * A signed path with a percent sign is read as a URL path, as `Storage.url()` returns it: `/a%20b` is the file `a b`.
 *
 * @see {@link https://docs.djangoproject.com/en/stable/topics/signing/}
 * @example
 * ```ts
 * import { DjangoURLSigner } from "downloadview/signing";
 *
 * const signer = new DjangoURLSigner({ secretKey: "the SECRET_KEY of the Django settings", maxAge: 600 });
 * const url = await signer.sign("/media/report.pdf");
 * console.assert(url.startsWith("/media/report.pdf?X-Signature=/media/report.pdf:"));
 * console.assert((await signer.verify({ url })).ok);
 * ```
 */
export class DjangoURLSigner implements URLVerifier {
  readonly #keys: readonly HmacKey[];
  readonly #maxAge: number;
  readonly #now: () => Date;

  /** @throws {ImproperlyConfiguredError} for an empty key or a maxAge that is no number */
  constructor(options: DjangoUrlSignerOptions) {
    const { secretKey, fallbackKeys = [], maxAge = Infinity, now = () => new Date() } = options;
    const keys = [secretKey, ...fallbackKeys];
    if (keys.some((key) => !key)) throw new ImproperlyConfiguredError("A DjangoURLSigner needs Django's SECRET_KEY");
    if (!(maxAge >= 0)) throw new ImproperlyConfiguredError("maxAge is a number of seconds");
    this.#keys = keys.map((key) => djangoKey(key, options));
    this.#maxAge = maxAge;
    this.#now = now;
  }

  /**
   * Signs the path of a URL.
   * @throws {InvalidPathError} if clients would not request the URL unchanged
   * @throws {ImproperlyConfiguredError} for a query or an option: Django's signature does not cover them
   */
  async sign(url: string, options: SignOptions = {}): Promise<string> {
    const parts = signableUrl(url);
    if (parts.parameters.length > 0 || Object.values(options).some((value) => value !== undefined)) {
      throw new ImproperlyConfiguredError("Django's signature covers a path and its own time, no query and no options");
    }
    const timestamp = encodeBase62(Math.floor(this.#now().getTime() / 1000));
    const value = `${signedPath(parts.path)}:${timestamp}`;
    const parameter = `${signatureParameter}=${readable(`${value}:${await this.#keys[0]!.sign(value)}`)}`;
    return formatUrl({ ...parts, parameters: [parameter] });
  }

  /**
   * Verifies the signature of a request. Never throws because of a request.
   * @throws {ImproperlyConfiguredError} for a purpose: Django's signature has none
   */
  async verify({ url }: SignedRequest, { purpose }: VerifyOptions = {}): Promise<Verification> {
    if (purpose !== undefined) throw new ImproperlyConfiguredError("Give each purpose a salt of its own, as in Django");
    const parts = parseUrl(url);
    if (parts === undefined) return refused("invalid");
    const [signed, ...others] = parts.parameters.filter((parameter) => parameterName(parameter) === signatureParameter);
    if (signed === undefined) return refused("missing");
    if (others.length > 0) return refused("invalid");
    for (const candidate of candidates(parameterValue(signed))) {
      if (resource(candidate.path) === resource(parts.path) && (await this.#isGenuine(candidate))) {
        return this.#accepted(candidate);
      }
    }
    return refused("invalid");
  }

  #isGenuine({ path, timestamp, signature }: SignedPath): Promise<boolean> {
    return verifiesWithAny(this.#keys, signature, `${path}:${timestamp}`);
  }

  #accepted({ signature, timestamp }: SignedPath): Verification {
    if (this.#maxAge === Infinity) return { ok: true, signature };
    // Django compares with `age > max_age`, so the last moment still counts.
    const expiresAt = new Date((decodeBase62(timestamp) + this.#maxAge) * 1000);
    return this.#now() <= expiresAt ? { ok: true, signature, expiresAt } : refused("expired");
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "signer");
  }
}

/** What Django puts into `X-Signature`: `path:timestamp:signature`. */
interface SignedPath {
  readonly path: string;
  readonly timestamp: string;
  readonly signature: string;
}

/** Django's `salted_hmac`: the key of the HMAC is a hash of the salt and the secret. */
function djangoKey(secretKey: string, { salt, algorithm = "sha256" }: DjangoUrlSignerOptions): HmacKey {
  assertChoice(algorithm, ["sha256", "sha1"], "DjangoURLSigner: algorithm");
  const hash = algorithm === "sha1" ? "SHA-1" : "SHA-256";
  const seed = utf8(`${salt || "django.core.signing.TimestampSigner"}signer${secretKey}`);
  return new HmacKey(hash, async () => new Uint8Array(await crypto.subtle.digest(hash, seed)));
}

/**
 * Returns the texts that Django may have signed for a parameter. Django signs a storage's URL and puts it into the query
 * without encoding it. The parameter was decoded on the way, so it has to be encoded again.
 */
function candidates(value: string): SignedPath[] {
  const texts = new Set([value, value.replaceAll("+", "%20")].flatMap((text) => percentDecoded(text) ?? []));
  return [...texts].flatMap((text) => {
    // Eight digits hold the next six million years.
    const [, path, timestamp = "", signature = ""] = /^(.*):([0-9A-Za-z]{1,8}):([\w-]+)$/s.exec(text) ?? [];
    if (path === undefined) return [];
    return [...new Set([path, quoted(path)])].map((spelling) => ({ path: spelling, timestamp, signature }));
  });
}

/** As Django's `filepath_to_uri`, and so `Storage.url()`, quotes a name. */
function quoted(path: string): string {
  return encodeURIComponent(path).replaceAll("%2F", "/");
}

/** Encoded for a query, as far as it has to be. */
function readable(text: string): string {
  return quoted(text).replaceAll("%3A", ":").replaceAll("'", "%27");
}

/**
 * The path that Django compares with its `request.path`, which is decoded. A name with a percent sign stays as its URL
 * has it, as a storage of Django signs it.
 */
function signedPath(path: string): string {
  const decoded = percentDecoded(path) ?? path;
  return !decoded.includes("%") && resource(decoded) === resource(path) ? decoded : path;
}

/** What a path stands for in Django, where `%2B` and `+` in a path are one. `%2F`, `%3F`, `%23` and `%25` stay. */
function resource(path: string): string {
  return canonicalPath(path).replace(/%(?:2[146-9A-C]|3[ABD]|40)/g, decodeURIComponent);
}

// In this order: Django's, and not that of other base 62 alphabets.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function encodeBase62(value: number): string {
  const digit = base62[value % 62] ?? "";
  return value < 62 ? digit : encodeBase62(Math.floor(value / 62)) + digit;
}

function decodeBase62(text: string): number {
  return Array.from(text).reduce((value, digit) => value * 62 + base62.indexOf(digit), 0);
}
