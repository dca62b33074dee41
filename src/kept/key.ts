import { createHash } from "node:crypto";

/** A JSON value. `undefined` is refused: two values that are both unknown must not share a file. */
export type KeptKeyPart =
  | string
  | number
  | boolean
  | null
  | readonly KeptKeyPart[]
  | { readonly [name: string]: KeptKeyPart };

/** All that the bytes of a file depend on. Two requests with equal keys get the same bytes. */
export type KeptKey = readonly KeptKeyPart[];

/** A key, ready to be looked up. */
export interface HashedKey {
  readonly key: KeptKey;
  /** The key as JSON, with the members of its objects in one order. Equal text, equal key. */
  readonly text: string;
  /** SHA-256 of {@link text}, hexadecimal: a name on every file system, whatever the key holds. */
  readonly hash: string;
}

/**
 * @throws {TypeError} unless `key` is an array of JSON values with at least one member. `JSON.stringify` writes undefined
 * and NaN as null: the files of all users whose identifier is missing would become one file.
 */
export function hashKey(key: KeptKey): HashedKey {
  if (!Array.isArray(key) || key.length === 0) {
    throw new TypeError(`The key of a kept file must be an array with at least one value, got ${written(key)}`);
  }
  const text = flat(key) ?? canonical(key, "key");
  const known = hashed.get(text);
  if (known) return known;
  const made = { key: JSON.parse(text) as KeptKey, text, hash: createHash("sha256").update(text).digest("hex") };
  if (text.length <= maxHashedLength) hashed.set(text, made);
  if (hashed.size > maxHashed) hashed.delete(hashed.keys().next().value ?? "");
  return made;
}

/** By the text of the key: what is asked for again and again is not hashed each time. */
const hashed = new Map<string, HashedKey>();
const maxHashed = 1000;
/** In characters: a key may hold what a client sent. */
const maxHashedLength = 500;

/** The text of a key of texts and numbers alone, as most are. Undefined for another one. */
function flat(key: KeptKey): string | undefined {
  let text = "[";
  // Not for…of over entries: a hole must be seen.
  for (let index = 0; index < key.length; index += 1) {
    const part = key[index];
    if (typeof part !== "string" && !Number.isFinite(part)) return undefined;
    text += `${index === 0 ? "" : ","}${JSON.stringify(part)}`;
  }
  return `${text}]`;
}

function canonical(value: unknown, at: string, within: readonly object[] = []): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== "object" || within.includes(value)) throw notJSON(value, at);
  const path = [...within, value];
  // Not map(): it passes over the holes of a sparse array.
  if (Array.isArray(value)) {
    return `[${Array.from(value, (part, index) => canonical(part, `${at}[${index}]`, path)).join(",")}]`;
  }
  if (!isPlain(value)) throw notJSON(value, at);
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, part]) => `${JSON.stringify(name)}:${canonical(part, `${at}.${name}`, path)}`).join(",")}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isObject = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isObject && Object.getOwnPropertySymbols(value).length === 0;
}

function notJSON(value: unknown, at: string): TypeError {
  return new TypeError(
    `${at} of a kept file is ${written(value)}. Write a text, a finite number, true, false, null, or an array or object ` +
      "of those. Whatever is unknown must not be in a key: return undefined in place of the key to keep nothing",
  );
}

function written(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[]" : value.constructor?.name;
  return typeof value === "bigint" ? `${value}n` : String(value);
}
