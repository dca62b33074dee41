import { ImproperlyConfiguredError } from "../errors.ts";
import type { FileStat, OpenFile, OpenOptions, StatOptions, SignedUrlOptions } from "../files/download-file.ts";
import { parseContentDisposition } from "../http/content-disposition.ts";
import type { SignOptions } from "./url-signer.ts";
import type { ResponseOverrides } from "./url-verifier.ts";
import type { FileTimes, SaveOptions, Storage, StorageContent, StorageEntry } from "../storages/storage.ts";
import { refuseJSON } from "../serialization.ts";

/** Signs URLs: `URLSigner`, `DjangoURLSigner`, or one of your own. */
export interface URLSigning {
  sign(url: string, options?: SignOptions): Promise<string>;
}

export interface SignedStorageOptions {
  /** What the links are for: `signatureRequired` has to expect the same. */
  readonly purpose?: string;
}

/**
 * A storage whose URLs are signed. Everything else is that of the storage within.
 *
 * @example
 * ```ts
 * import { FileSystemStorage } from "downloadview";
 * import { SignedStorage, URLSigner } from "downloadview/signing";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const storage = new SignedStorage(new FileSystemStorage("/srv/media", { baseUrl: "/media" }), signer);
 * const url = await storage.url("report.pdf", { expiresIn: 60 });
 * console.assert((await signer.verify({ url })).ok);
 * ```
 */
export class SignedStorage implements Storage {
  readonly #storage: Storage;
  readonly #signer: URLSigning;
  readonly #options: SignedStorageOptions;
  /** Where the storage within has paths. */
  readonly path?: (name: string) => string;

  /** @throws {ImproperlyConfiguredError} for a storage that has no URLs */
  constructor(storage: Storage, signer: URLSigning, options: SignedStorageOptions = {}) {
    if (!storage.url) throw new ImproperlyConfiguredError("Only the URLs of a storage that has some can be signed");
    if (storage.path) this.path = (name) => storage.path!(name);
    this.#storage = storage;
    this.#signer = signer;
    this.#options = options;
  }

  url(name: string, options: SignedUrlOptions = {}): Promise<string> {
    const signed = this.#signedUrl(name, options);
    // A caller may drop the promise. Its rejection, for a name that a client made up, must not end the process.
    void signed.catch(() => undefined);
    return signed;
  }

  async #signedUrl(name: string, { expiresIn, contentDisposition, contentType }: SignedUrlOptions): Promise<string> {
    const response = overrides(contentDisposition, contentType);
    const url = await this.#storage.url!(name);
    return this.#signer.sign(url, {
      ...this.#options,
      ...(expiresIn !== undefined && { expiresIn }),
      ...(Object.keys(response).length > 0 && { response }),
    });
  }

  open(name: string, options?: OpenOptions): Promise<OpenFile> {
    return this.#storage.open(name, options);
  }

  stat(name: string, options?: StatOptions): Promise<FileStat> {
    return this.#storage.stat(name, options);
  }

  save(name: string, content: StorageContent, options?: SaveOptions): Promise<string> {
    return this.#storage.save(name, content, options);
  }

  delete(name: string): Promise<void> {
    return this.#storage.delete(name);
  }

  exists(name: string): Promise<boolean> {
    return this.#storage.exists(name);
  }

  list(prefix?: string): AsyncIterable<StorageEntry> {
    return this.#storage.list(prefix);
  }

  async times(name: string): Promise<FileTimes> {
    if (this.#storage.times) return this.#storage.times(name);
    return { modified: (await this.stat(name)).lastModified };
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

function overrides(contentDisposition: string | undefined, contentType: string | undefined): ResponseOverrides {
  const { type, filename } = parseContentDisposition(contentDisposition ?? "");
  return {
    ...((type === "attachment" || type === "inline") && { disposition: type }),
    ...(filename !== undefined && { filename }),
    ...(contentType !== undefined && { contentType }),
  };
}
