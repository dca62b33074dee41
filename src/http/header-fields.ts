/**
 * An ordered list of header fields with case-insensitive names: what `Headers` offers, for the price of an array.
 * Names and values are checked as they come in, so that nothing a user typed can start another field
 * (RFC 9110 §5.5: a value has no CR, LF or NUL).
 *
 * @example
 * ```ts
 * import { HeaderFields } from "downloadview";
 *
 * const headers = new HeaderFields({ "Cache-Control": "private" });
 * headers.append("Set-Cookie", "a=1");
 * console.assert(headers.get("cache-control") === "private");
 * ```
 */
export class HeaderFields implements Iterable<[name: string, value: string]> {
  /** Names at even places, values at odd ones: the form that `ServerResponse.writeHead` takes. */
  readonly #raw: string[];
  #defaults: readonly string[] = none;

  constructor(fields: HeaderFieldsInit = []) {
    const isChecked = fields instanceof HeaderFields;
    this.#raw = isChecked ? fields.toRaw() : [];
    if (isChecked) this.#defaults = fields.#defaults;
    if (!isChecked) for (const [name, value] of fieldsOf(fields)) this.append(name, value);
  }

  /** The values of `name`, joined by a comma, or null. */
  get(name: string): string | null {
    let joined: string | null = null;
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) {
      joined = joined === null ? (this.#raw[at + 1] ?? "") : `${joined}, ${this.#raw[at + 1]}`;
    }
    return joined;
  }

  /** Each value of `name`; `Set-Cookie` is the field that needs it (RFC 9110 §5.3). */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) values.push(this.#raw[at + 1] ?? "");
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) >= 0;
  }

  /** Replaces every value of `name` by one. @throws {TypeError} for what may not stand in a header. */
  set(name: string, value: string): this {
    checkField(name, value);
    this.delete(name);
    this.#raw.push(name, value);
    return this;
  }

  /**
   * Sets a value that yields to what the middleware of a framework sets under this name. Whatever is set later with
   * {@link set}, be it the same value, does not.
   */
  setDefault(name: string, value: string): this {
    this.set(name, value);
    this.#defaults = [...this.#defaults, name];
    return this;
  }

  /** The names that {@link setDefault} set, and nothing changed since. */
  get defaults(): readonly string[] {
    return this.#defaults;
  }

  /** Adds a value beside those that are there. @throws {TypeError} for what may not stand in a header. */
  append(name: string, value: string): this {
    checkField(name, value);
    this.#raw.push(name, value);
    if (this.#defaults !== none) this.#insistOn(name);
    return this;
  }

  delete(name: string): void {
    if (this.#defaults !== none) this.#insistOn(name);
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at)) this.#raw.splice(at, 2);
  }

  #insistOn(name: string): void {
    const left = this.#defaults.filter((known) => !isSameName(known, name));
    this.#defaults = left.length > 0 ? left : none;
  }

  #find(name: string, from: number): number {
    for (let at = from; at < this.#raw.length; at += 2) {
      if (isSameName(this.#raw[at] ?? "", name)) return at;
    }
    return -1;
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let at = 0; at < this.#raw.length; at += 2) yield [this.#raw[at] ?? "", this.#raw[at + 1] ?? ""];
  }

  get size(): number {
    return this.#raw.length / 2;
  }

  /** Whether `other` has the same fields, in the same order and spelling, and the same of them are defaults. */
  equals(other: HeaderFields): boolean {
    if (this.#defaults.length !== other.#defaults.length) return false;
    return this.#raw.length === other.#raw.length && this.#raw.every((text, at) => text === other.#raw[at]);
  }

  /** The list itself, `[name, value, name, value, …]`: to be read only, and not kept. */
  get raw(): readonly string[] {
    return this.#raw;
  }

  /** A flat copy of it. */
  toRaw(): string[] {
    return this.#raw.slice();
  }
}

const none: readonly string[] = [];

export type HeaderFieldsInit =
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

function* fieldsOf(init: HeaderFieldsInit): Generator<readonly [string, string]> {
  if (Symbol.iterator in init) {
    yield* init as Iterable<readonly [string, string]>;
    return;
  }
  for (const [name, value] of Object.entries(init)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value as string]) yield [name, one];
  }
}

// Most names come in one spelling, and most that differ differ in length: both are told without making a string.
function isSameName(one: string, other: string): boolean {
  return one === other || (one.length === other.length && one.toLowerCase() === other.toLowerCase());
}

/**
 * The fields that can be sent, of those that come with an error: to answer without one is better than not at all.
 * A value that isn't text is written as one.
 */
export function sendableFields(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(texts.filter(([name, value]) => token.test(name) && fieldValue.test(value)));
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Bytes only: a server writes each character as one byte. RFC 9110 §5.5 allows HTAB, SP, VCHAR and obs-text.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

function checkField(name: string, value: string): void {
  if (!token.test(name)) throw new TypeError(`Not a header field name: ${JSON.stringify(name)}`);
  if (typeof value !== "string") throw new TypeError(`The value of ${name} must be a string (got ${typeof value})`);
  if (!fieldValue.test(value)) {
    throw new TypeError(`The value of ${name} has a character that may not stand in a header; encode it first`);
  }
}
