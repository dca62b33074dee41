import { decodeBase64 } from "../http/digest.ts";
import { contentType, mediaType } from "../http/media-type.ts";

/** Copies `values` without those that are undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Decodes a checksum of `length` bytes from base64. Returns undefined for anything else, such as the checksum of a composite. */
export function checksum(base64: string | undefined, length: number): Uint8Array | undefined {
  const bytes = base64 === undefined ? undefined : decodeBase64(base64);
  return bytes?.byteLength === length ? bytes : undefined;
}

/** The types that stores report for an object without a type. The name tells more. */
const unknownTypes = new Set(["application/octet-stream", "binary/octet-stream"]);

/** Returns the stored type, or undefined if the store only reports its default. */
export function knownType(type: string | undefined): string | undefined {
  return type === undefined || type === "" || unknownTypes.has(type.toLowerCase()) ? undefined : type;
}

/**
 * Returns the type to store with an object, so that a presigned URL sends it too. Default: the type of a local file of that
 * name. It is always set, because some stores make up a type for an object that has none, such as `application/xml`.
 */
export function typeToKeep(type: string | undefined, name: string): string {
  return type ?? contentType(mediaType(name));
}
