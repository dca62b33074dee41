import { concatBytes, copyOf } from "../files/bytes.ts";
import { contentLength, readContent, type Content } from "../files/content.ts";
import { reprDigest, wantedDigest } from "../http/digest.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { DownloadRequest } from "./handler.ts";

/**
 * In bytes. A digest is sent before the content, so the content must be in memory. Larger content is sent without a digest that
 * is not known yet: a request never costs more memory than this.
 */
const maxHashed = 1 << 20;

/** What Web Crypto can compute, best first. MD5 and SHA-1 prove nothing (RFC 9530 §5). */
const webCryptoNames: Readonly<Record<string, string>> = { "sha-256": "SHA-256", "sha-512": "SHA-512" };
const computable = /* @__PURE__ */ Object.keys(webCryptoNames);

export interface DigestedContent {
  readonly fields: HeaderFields;
  readonly content: Content;
}

/**
 * Adds the digests that the client requests and that are not known: `Content-Digest` of the bytes that are sent, and
 * `Repr-Digest` if those are the whole file (RFC 9530 §2 to §4).
 *
 * @param known the digests of the whole file that its description has
 * @param isWhole whether the content is the whole file
 * @returns undefined if the client requests no digest, or if it would cost too much
 */
export async function withWantedDigests(
  request: DownloadRequest,
  fields: HeaderFields,
  content: Content,
  known: Readonly<Record<string, Uint8Array>> | undefined,
  isWhole: boolean,
): Promise<DigestedContent | undefined> {
  const wantsContent = request.headers.get("Want-Content-Digest");
  const wantsRepr = isWhole ? request.headers.get("Want-Repr-Digest") : null;
  if (wantsContent === null && wantsRepr === null) return undefined;
  // If the content is the whole file, both fields have the same digest.
  const ofFile = isWhole ? (known ?? {}) : {};
  const names = [...new Set([...Object.keys(ofFile), ...computable])];
  const wanted = [
    ["Content-Digest", wantedDigest(wantsContent, names)],
    ["Repr-Digest", wantedDigest(wantsRepr, names)],
  ] as const;
  const own = new HeaderFields(fields);
  let sent = content;
  for (const [field, algorithm] of wanted) {
    // A field that is present, and not made of the known digests, was set by the application.
    const isOwn = fields.has(field) && (field === "Content-Digest" || known === undefined);
    if (algorithm === undefined || isOwn) continue;
    let digest = ofFile[algorithm];
    if (digest === undefined) {
      const bytes = await inMemory(sent);
      if (bytes === undefined) continue;
      if (sent.kind !== "bytes") sent = { kind: "bytes", bytes };
      digest = new Uint8Array(await crypto.subtle.digest(webCryptoNames[algorithm]!, bytes));
    }
    own.set(field, reprDigest({ [algorithm]: digest }));
  }
  return { fields: untransformed(own), content: sent };
}

async function inMemory(content: Content): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const length = contentLength(content);
  if (length === undefined || length > maxHashed) return undefined;
  if (content.kind === "bytes") return content.bytes as Uint8Array<ArrayBuffer>;
  const chunks: Uint8Array[] = [];
  // Copies: a reader may use its buffer again for the next chunk.
  for await (const chunk of readContent(content)) chunks.push(copyOf(chunk));
  return concatBytes(chunks) as Uint8Array<ArrayBuffer>;
}

/** Middleware or a proxy that compresses the content would make `Content-Digest` wrong. */
function untransformed(fields: HeaderFields): HeaderFields {
  const directives = fields.get("Cache-Control");
  if (!fields.has("Content-Digest") || fields.has("Content-Encoding") || /\bno-transform\b/i.test(directives ?? "")) {
    return fields;
  }
  return fields.set("Cache-Control", directives ? `${directives}, no-transform` : "no-transform");
}
