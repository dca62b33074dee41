import { refuseJSON } from "../serialization.ts";
export type HmacHash = "SHA-256" | "SHA-1";

/**
 * A key that signs texts. It is imported at the first use, because worker runtimes forbid cryptography outside a request.
 * The key is stored, not its promise, because in worker runtimes no request can wait for the promise of another.
 */
export class HmacKey {
  readonly #material: () => Promise<Uint8Array> | Uint8Array;
  readonly #hash: HmacHash;
  #key: CryptoKey | undefined;

  constructor(hash: HmacHash, material: () => Promise<Uint8Array> | Uint8Array) {
    this.#hash = hash;
    this.#material = material;
  }

  /** Returns the signature in URL-safe Base64 without padding (RFC 4648 §5). */
  async sign(text: string): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", await this.#imported(), utf8(text));
    return encodeBase64Url(new Uint8Array(signature));
  }

  /** Verifies a signature, in constant time: the runtime's `verify` compares. */
  async verify(signature: string, text: string): Promise<boolean> {
    const bytes = decodeBase64Url(signature);
    return bytes !== undefined && crypto.subtle.verify("HMAC", await this.#imported(), bytes, utf8(text));
  }

  async #imported(): Promise<CryptoKey> {
    this.#key ??= await crypto.subtle.importKey(
      "raw",
      Uint8Array.from(await this.#material()),
      { name: "HMAC", hash: this.#hash },
      false,
      ["sign", "verify"],
    );
    return this.#key;
  }

  /** @throws {TypeError} always: a client must not see the internal state. */
  toJSON(): never {
    return refuseJSON(this, "signer");
  }
}

/** Whether one of `keys` made `signature`. */
export async function verifiesWithAny(keys: readonly HmacKey[], signature: string, text: string): Promise<boolean> {
  for (const key of keys) if (await key.verify(signature, text)) return true;
  return false;
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

// The last character of 20 or 32 bytes has two unused bits. They must be zero. Otherwise four texts would be the same
// signature.
const signatureShape = /^(?:[\w-]{26}|[\w-]{42})[AEIMQUYcgkosw048]$/;

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!signatureShape.test(text)) return undefined;
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
}
