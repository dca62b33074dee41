/**
 * Returns the fields of a list `[name, value, name, value, …]` whose names and values were checked when they were set. Set by the
 * class, which alone may skip the check.
 */
let fieldsFromRaw: (raw: readonly string[]) => HeaderFields;
export { fieldsFromRaw };

/**
 * An ordered list of header fields with case-insensitive names, like `Headers` but as cheap as an array. Names and values
 * are checked when they are set, so that user input cannot start another field (RFC 9110 §5.5: a value has no CR, LF or
 * NUL).
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
  /** Names at even indexes, values at odd ones: the form that `ServerResponse.writeHead` accepts. */
  #raw: readonly string[] = none;
  /** The same list, if it is this object's alone. Copies share a list, until one of them changes it. */
  #own: string[] | undefined;
  #defaults: readonly string[] = none;

  constructor(fields?: HeaderFieldsInit) {
    if (fields instanceof HeaderFields) {
      fields.#own = undefined;
      this.#raw = fields.#raw;
      this.#defaults = fields.#defaults;
    } else if (fields !== undefined) {
      for (const [name, value] of fieldsOf(fields)) this.append(name, value);
    }
  }

  static {
    fieldsFromRaw = (raw) => {
      const fields = new HeaderFields();
      fields.#raw = raw;
      return fields;
    };
  }

  #toOwn(): string[] {
    this.#own ??= this.#raw.slice();
    this.#raw = this.#own;
    return this.#own;
  }

  /** Returns the values of `name` joined by a comma, or null if there are none. */
  get(name: string): string | null {
    let joined: string | null = null;
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) {
      joined = joined === null ? (this.#raw[at + 1] ?? "") : `${joined}, ${this.#raw[at + 1]}`;
    }
    return joined;
  }

  /** Returns each value of `name`. `Set-Cookie` needs it: its values cannot be joined (RFC 9110 §5.3). */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) values.push(this.#raw[at + 1] ?? "");
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) >= 0;
  }

  /**
   * Replaces all values of `name`.
   *
   * @throws {TypeError} if the name or the value contains a character that a header field must not contain
   */
  set(name: string, value: string): this {
    checkField(name, value);
    this.delete(name);
    this.#toOwn().push(name, value);
    return this;
  }

  /**
   * Sets a default, which a value from the framework's middleware replaces. A later {@link set}, even of the same value,
   * makes it a value that is not replaced.
   */
  setDefault(name: string, value: string): this {
    this.set(name, value);
    this.#defaults = [...this.#defaults, name];
    return this;
  }

  /** The names that {@link setDefault} has set and that have not been changed since. */
  get defaults(): readonly string[] {
    return this.#defaults;
  }

  /**
   * Adds a value and keeps the existing ones.
   *
   * @throws {TypeError} if the name or the value contains a character that a header field must not contain
   */
  append(name: string, value: string): this {
    checkField(name, value);
    this.#toOwn().push(name, value);
    if (this.#defaults !== none) this.#insistOn(name);
    return this;
  }

  delete(name: string): void {
    if (this.#defaults !== none) this.#insistOn(name);
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at)) this.#toOwn().splice(at, 2);
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

  /** Tells whether `other` has the same fields in the same order and spelling, with the same number of defaults. */
  equals(other: HeaderFields): boolean {
    const one = this.#raw;
    const two = other.#raw;
    if (this.#defaults.length !== other.#defaults.length) return false;
    if (one === two) return true;
    if (one.length !== two.length) return false;
    for (let at = 0; at < one.length; at += 1) if (one[at] !== two[at]) return false;
    return true;
  }

  /** The internal list, `[name, value, name, value, …]`. It changes when a field is set: copy it to keep it. */
  get raw(): readonly string[] {
    return this.#raw;
  }

  /** Returns a copy of {@link raw}. */
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

// Most equal names have equal spelling, and most different names differ in length: neither case allocates a string.
function isSameName(one: string, other: string): boolean {
  return one === other || (one.length === other.length && one.toLowerCase() === other.toLowerCase());
}

/**
 * Selects the header fields of an error that can be sent. A response without an invalid field is better than no response.
 * Values that are not strings are converted.
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
  if (!token.test(name))
    throw new TypeError(
      `${JSON.stringify(name)} is not a header field name: it may contain letters, digits and !#$%&'*+-.^_\`|~`,
    );
  if (typeof value !== "string") throw new TypeError(`The value of ${name} must be a string (got ${typeof value})`);
  if (!fieldValue.test(value)) {
    throw new TypeError(`The value of ${name} has a character that may not stand in a header; encode it first`);
  }
}
