const encoder = new TextEncoder();

/** Writes little-endian integers, bytes and text into memory, one after the other. */
export class FieldWriter {
  readonly #target: Uint8Array;
  #at = 0;

  constructor(target: Uint8Array) {
    this.#target = target;
  }

  /** The values in 2 bytes each. */
  u16(...values: readonly number[]): this {
    for (const value of values) {
      this.#target[this.#at++] = value;
      this.#target[this.#at++] = value >>> 8;
    }
    return this;
  }

  /** The values in 4 bytes each. */
  u32(...values: readonly number[]): this {
    for (const value of values) this.u16(value, value >>> 16);
    return this;
  }

  /** The values, up to 2^53, in 8 bytes each. */
  u64(...values: readonly number[]): this {
    // Division, not a shift: shifts take 32 bits.
    for (const value of values) this.u32(value, Math.floor(value / 2 ** 32));
    return this;
  }

  u8(value: number): this {
    this.#target[this.#at++] = value;
    return this;
  }

  /** UTF-8. */
  text(value: string): this {
    this.#at += encoder.encodeInto(value, this.#target.subarray(this.#at)).written;
    return this;
  }
}

const isASCII = /^[\u0000-\u007F]*$/;

/** The length of a text in UTF-8, in bytes. */
export function utf8Length(text: string): number {
  return isASCII.test(text) ? text.length : encoder.encode(text).byteLength;
}
