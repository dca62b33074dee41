import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import type { DownloadFile, SignedUrlOptions } from "../../files/download-file.ts";
import { parseIPPrefix } from "../../http/ip-prefix.ts";
import { urlValidity } from "../../storages/object-store/url-validity.ts";

export interface CloudFrontOptions {
  /** The ID of the public key, which a key group of the distribution has to contain. */
  readonly keyPairId: string;
  /** The private key, in PEM. */
  readonly privateKey: string | Buffer | KeyObject;
  /** The URL under which the distribution serves the files, such as `https://d111111abcdef8.cloudfront.net/media`. */
  readonly baseUrl: string;
}

/**
 * Makes a function that signs CloudFront URLs, for `redirectToStorage({ url })`. The type and the disposition are the
 * parameters `response-content-type` and `response-content-disposition` of S3. The cache policy must pass both on, to an S3
 * origin with origin access control.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
 *
 * @throws {ImproperlyConfiguredError} if `baseUrl` is not an absolute URL, or `privateKey` is not in PEM
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from "node:crypto";
 * import { MemoryStorage, StorageFile } from "downloadview";
 * import { cloudFront } from "downloadview/cloudfront";
 *
 * const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
 * const urlOf = cloudFront({ keyPairId: "K2JCJMDEHXQW5F", privateKey, baseUrl: "https://cdn.example/media" });
 * const url = new URL(await urlOf(new StorageFile(new MemoryStorage(), "report.pdf"), { expiresIn: 600 }));
 * console.assert(url.pathname === "/media/report.pdf" && url.searchParams.has("Signature"));
 * ```
 */
export function cloudFront({
  keyPairId,
  privateKey,
  baseUrl,
}: CloudFrontOptions): (file: DownloadFile, options: SignedUrlOptions) => Promise<string> {
  const key = keyOf(privateKey);
  const base = baseOf(baseUrl);
  return async ({ name }, { expiresIn, contentDisposition, contentType }) => {
    // Appended, not resolved: `new URL()` would resolve a key that begins with slashes to another folder or host.
    const url = new URL(base.href + name.split("/").map(encodeURIComponent).join("/"));
    if (contentDisposition !== undefined) url.searchParams.set("response-content-disposition", contentDisposition);
    if (contentType !== undefined) url.searchParams.set("response-content-type", contentType);
    return signed(url, keyPairId, key, Math.floor(urlValidity(expiresIn).until.getTime() / 1000));
  };
}

/** The attributes of the cookies. They are always `HttpOnly` and `Secure`, and their `Path` is the folder. */
export interface CloudFrontCookieOptions {
  /** How long the cookies work, in seconds. At least 1. */
  readonly expiresIn: number;
  /** The IPv4 address or prefix that the cookies work from, such as `203.0.113.0/24`. Default: any address. */
  readonly ipPrefix?: string;
  /**
   * The site that the application and the distribution share: `example.com` for `app.example.com` and `cdn.example.com`.
   * Default: the host that sets the cookies.
   */
  readonly domain?: string;
  /** Default `"Lax"`. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** Whether the cookies are kept apart for each site that embeds the files (CHIPS). Default false. */
  readonly partitioned?: boolean;
}

/**
 * Makes a function that signs CloudFront cookies for a folder. It returns three `Set-Cookie` values, with which a browser
 * can fetch every file below the folder. For files that the application sends, use `signer.grant()`.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
 *
 * `videos/4` covers the files below `videos/4/`, and never `videos/42`.
 *
 * @throws {ImproperlyConfiguredError} if `baseUrl` is not an absolute URL, or `privateKey` is not in PEM
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from "node:crypto";
 * import { cloudFrontCookies } from "downloadview/cloudfront";
 *
 * const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
 * const cookiesFor = cloudFrontCookies({ keyPairId: "K2JCJMDEHXQW5F", privateKey, baseUrl: "https://cdn.example.com/media" });
 * const cookies = await cookiesFor("videos/4", { expiresIn: 3600, domain: "example.com" });
 * console.assert(cookies.length === 3);
 * console.assert(cookies.every((cookie) => cookie.includes("; Path=/media/videos/4/; ")));
 * ```
 */
export function cloudFrontCookies({
  keyPairId,
  privateKey,
  baseUrl,
}: CloudFrontOptions): (folder: string, options: CloudFrontCookieOptions) => Promise<string[]> {
  const key = keyOf(privateKey);
  const base = baseOf(baseUrl);
  return async (folder, options) => {
    const url = new URL(pathOf(folder), base);
    const now = Math.floor(Date.now() / 1000);
    const expires = now + wholeSeconds(options.expiresIn);
    const policy = policyFor(`${url.href}*`, expires, options.ipPrefix);
    const signature = await promisify(sign)("RSA-SHA1", Buffer.from(policy), key);
    const values = [
      ["CloudFront-Policy", forUrl(Buffer.from(policy))],
      ["CloudFront-Signature", forUrl(signature)],
      ["CloudFront-Key-Pair-Id", keyPairId],
    ] as const;
    return values.map(([name, value]) => cookie(name, value, url.pathname, expires - now, options));
  };
}

/** Returns the path of a folder, relative to the base, with `*` encoded: in a policy, `*` and `?` are wildcards. */
function pathOf(folder: string): string {
  const names = folder.replace(/\/$/, "").split("/");
  if (names.some((name) => name === "" || name === "." || name === ".." || /[\0-\x1f\x7f\\;]/.test(name))) {
    throw new InvalidPathError("This folder can't be granted", {
      cause: new Error(`Not a folder: ${JSON.stringify(folder)}`),
    });
  }
  return `${names.map((name) => encodeURIComponent(name).replaceAll("*", "%2A")).join("/")}/`;
}

function wholeSeconds(expiresIn: number): number {
  if (Number.isFinite(expiresIn) && expiresIn >= 1) return Math.floor(expiresIn);
  throw new ImproperlyConfiguredError(`expiresIn must be a number of seconds, 1 or more, got ${expiresIn}`);
}

function policyFor(resource: string, expires: number, ipPrefix: string | undefined): string {
  if (ipPrefix !== undefined && (parseIPPrefix(ipPrefix) === undefined || ipPrefix.includes(":"))) {
    throw new ImproperlyConfiguredError(`ipPrefix must be an IPv4 address or prefix, got ${JSON.stringify(ipPrefix)}`);
  }
  const address = ipPrefix === undefined ? {} : { IpAddress: { "AWS:SourceIp": ipPrefix } };
  const condition = { DateLessThan: { "AWS:EpochTime": expires }, ...address };
  return JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] });
}

function cookie(
  name: string,
  value: string,
  path: string,
  maxAge: number,
  { domain, sameSite = "Lax", partitioned = false }: CloudFrontCookieOptions,
): string {
  if (domain !== undefined && !/^[\w.-]+$/.test(domain)) {
    throw new ImproperlyConfiguredError(`domain must be a host name, got ${JSON.stringify(domain)}`);
  }
  const attributes = [
    `Path=${path}`,
    `Max-Age=${maxAge}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    "HttpOnly",
    "Secure",
    `SameSite=${sameSite}`,
    ...(partitioned ? ["Partitioned"] : []),
  ];
  return [`${name}=${value}`, ...attributes].join("; ");
}

async function signed(url: URL, keyPairId: string, key: KeyObject, expires: number): Promise<string> {
  const condition = { DateLessThan: { "AWS:EpochTime": expires } };
  const policy = JSON.stringify({ Statement: [{ Resource: url.href, Condition: condition }] });
  // By default CloudFront verifies with SHA-1.
  const signature = await promisify(sign)("RSA-SHA1", Buffer.from(policy), key);
  const parameters = [`Expires=${expires}`, `Signature=${forUrl(signature)}`, `Key-Pair-Id=${keyPairId}`];
  return `${url.href}${url.search ? "&" : "?"}${parameters.join("&")}`;
}

/** Encodes in Base64 with CloudFront's own replacements for the characters that a URL can't contain. */
function forUrl(signature: Buffer): string {
  return signature.toString("base64").replaceAll("+", "-").replaceAll("=", "_").replaceAll("/", "~");
}

function keyOf(privateKey: string | Buffer | KeyObject): KeyObject {
  try {
    return typeof privateKey === "string" || Buffer.isBuffer(privateKey) ? createPrivateKey(privateKey) : privateKey;
  } catch (cause) {
    throw new ImproperlyConfiguredError("privateKey must be a private key in PEM, or a KeyObject", { cause });
  }
}

function baseOf(baseUrl: string): URL {
  if (!/^https?:\/\//i.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new ImproperlyConfiguredError(
      `baseUrl must be an absolute URL, such as "https://cdn.example/media", got ${JSON.stringify(baseUrl)}`,
    );
  }
  return new URL(`${baseUrl.replace(/\/$/, "")}/`);
}
