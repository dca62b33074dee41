import { encodeBase64Url, HmacKey, utf8 } from "../signing/hmac-key.ts";

/** Makes the ids by which a line of a log is joined with a download, and tells them from others. */
export class DeliveryIds {
  readonly #key: HmacKey;

  constructor(secret: string | undefined) {
    const material = secret === undefined ? crypto.getRandomValues(new Uint8Array(32)) : utf8(secret);
    this.#key = new HmacKey("SHA-256", () => material);
  }

  async next(): Promise<string> {
    const name = encodeBase64Url(crypto.getRandomValues(new Uint8Array(16)));
    return `${name}.${await this.#key.sign(purpose + name)}`;
  }

  /** Whether an id was made with this secret. */
  async isOurs(id: string): Promise<boolean> {
    const [, name, signature] = /^([\w-]{22})\.([\w-]{43})$/.exec(id) ?? [];
    return name !== undefined && signature !== undefined && this.#key.verify(signature, purpose + name);
  }
}

/** The secret may sign URLs as well. */
const purpose = "downloadview delivery ";
