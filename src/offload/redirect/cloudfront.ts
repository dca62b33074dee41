import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { ImproperlyConfiguredError } from "../../errors.ts";
import type { DownloadFile, SignedUrlOptions } from "../../files/download-file.ts";

import { urlValidity } from "../../storages/object-store/url-validity.ts";

export interface CloudFrontOptions {
  /** The ID of the public key that a key group of the distribution holds. */
  readonly keyPairId: string;
  /** The private key, in PEM. */
  readonly privateKey: string | Buffer | KeyObject;
  /** Where the distribution serves the files, such as `https://d111111abcdef8.cloudfront.net/media`. */
  readonly baseUrl: string;
}

/**
 * Signs URLs of CloudFront, for `redirectToStorage({ url })`. The type and the disposition travel as S3's
 * `response-content-type` and `response-content-disposition`: the cache policy has to pass these two on to an S3 origin with
 * origin access control.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
 *
 * @throws {ImproperlyConfiguredError} for a base URL or a key that is none
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
    // Appended, not resolved: a key that begins with slashes would lead to another folder, or to another host.
    const url = new URL(base.href + name.split("/").map(encodeURIComponent).join("/"));
    if (contentDisposition !== undefined) url.searchParams.set("response-content-disposition", contentDisposition);
    if (contentType !== undefined) url.searchParams.set("response-content-type", contentType);
    return signed(url, keyPairId, key, Math.floor(urlValidity(expiresIn).until.getTime() / 1000));
  };
}

async function signed(url: URL, keyPairId: string, key: KeyObject, expires: number): Promise<string> {
  const condition = { DateLessThan: { "AWS:EpochTime": expires } };
  const policy = JSON.stringify({ Statement: [{ Resource: url.href, Condition: condition }] });
  // SHA-1 is what CloudFront verifies with unless it is told otherwise.
  const signature = await promisify(sign)("RSA-SHA1", Buffer.from(policy), key);
  const parameters = [`Expires=${expires}`, `Signature=${forUrl(signature)}`, `Key-Pair-Id=${keyPairId}`];
  return `${url.href}${url.search ? "&" : "?"}${parameters.join("&")}`;
}

/** CloudFront's own replacement of what base64 has and a URL has not. */
function forUrl(signature: Buffer): string {
  return signature.toString("base64").replaceAll("+", "-").replaceAll("=", "_").replaceAll("/", "~");
}

function keyOf(privateKey: string | Buffer | KeyObject): KeyObject {
  try {
    return typeof privateKey === "string" || Buffer.isBuffer(privateKey) ? createPrivateKey(privateKey) : privateKey;
  } catch (cause) {
    throw new ImproperlyConfiguredError("privateKey is no private key in PEM", { cause });
  }
}

function baseOf(baseUrl: string): URL {
  if (!/^https?:\/\//i.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new ImproperlyConfiguredError("baseUrl is no absolute URL");
  }
  return new URL(`${baseUrl.replace(/\/$/, "")}/`);
}
