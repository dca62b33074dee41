import { decodeBase64 } from "../http/digest.ts";

/** `values` without those that are undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A checksum of `length` bytes, as stores say it in base64. Undefined for anything else, such as that of a composite. */
export function checksum(base64: string | undefined, length: number): Uint8Array | undefined {
  const bytes = base64 === undefined ? undefined : decodeBase64(base64);
  return bytes?.byteLength === length ? bytes : undefined;
}
