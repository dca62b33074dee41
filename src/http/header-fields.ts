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
  readonly #raw: string[] = [];

  constructor(fields?: HeaderFieldsInit) {
    for (const [name, value] of fieldsOf(fields)) this.append(name, value);
  }

  /** The values of `name`, joined by a comma, or null. */
  get(name: string): string | null {
    const values = this.getAll(name);
    return values.length === 0 ? null : values.join(", ");
  }

  /** Each value of `name`; `Set-Cookie` is the field that needs it (RFC 9110 §5.3). */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase();
    return [...this].filter(([known]) => known.toLowerCase() === wanted).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Replaces every value of `name` by one. @throws {TypeError} for what may not stand in a header. */
  set(name: string, value: string): this {
    checkField(name, value);
    this.delete(name);
    this.#raw.push(name, value);
    return this;
  }

  /** Adds a value beside those that are there. @throws {TypeError} for what may not stand in a header. */
  append(name: string, value: string): this {
    checkField(name, value);
    this.#raw.push(name, value);
    return this;
  }

  delete(name: string): void {
    const wanted = name.toLowerCase();
    for (let at = this.#raw.length - 2; at >= 0; at -= 2) {
      if (this.#raw[at]?.toLowerCase() === wanted) this.#raw.splice(at, 2);
    }
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let at = 0; at < this.#raw.length; at += 2) yield [this.#raw[at] ?? "", this.#raw[at + 1] ?? ""];
  }

  get size(): number {
    return this.#raw.length / 2;
  }

  /** A flat copy, `[name, value, name, value, …]`. */
  toRaw(): string[] {
    return this.#raw.slice();
  }
}

export type HeaderFieldsInit =
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | readonly string[]>>;

function* fieldsOf(init: HeaderFieldsInit = []): Generator<readonly [string, string]> {
  if (Symbol.iterator in init) {
    yield* init as Iterable<readonly [string, string]>;
    return;
  }
  for (const [name, value] of Object.entries(init)) {
    for (const one of typeof value === "string" ? [value] : value) yield [name, one];
  }
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Bytes only: a server writes each character as one byte. RFC 9110 §5.5 allows HTAB, SP, VCHAR and obs-text.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

function checkField(name: string, value: string): void {
  if (!token.test(name)) throw new TypeError(`Not a header field name: ${JSON.stringify(name)}`);
  if (!fieldValue.test(value)) {
    throw new TypeError(`The value of ${name} has a character that may not stand in a header; encode it first`);
  }
}
