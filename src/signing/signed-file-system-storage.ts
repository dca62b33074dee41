import { FileSystemStorage, type FileSystemStorageOptions } from "../storages/file-system/file-system-storage.ts";
import { SignedStorage, type SignedStorageOptions, type URLSigning } from "./signed-storage.ts";

export interface SignedFileSystemStorageOptions extends FileSystemStorageOptions, SignedStorageOptions {
  readonly signer: URLSigning;
  /** Where the handler that checks the signatures is mounted, such as `/media`. */
  baseUrl: string;
}

/**
 * A folder of this machine whose URLs are signed.
 *
 * @example
 * ```ts
 * import { SignedFileSystemStorage } from "downloadview";
 * import { URLSigner } from "downloadview/signing";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const storage = new SignedFileSystemStorage("/srv/media", { baseUrl: "/media", signer });
 * const url = await storage.url("report.pdf");
 * console.assert(url.startsWith("/media/report.pdf?X-Expires="));
 * ```
 */
export class SignedFileSystemStorage extends SignedStorage {
  /** @throws {ImproperlyConfiguredError} for a `baseUrl` that can't be one */
  constructor(root: string, { signer, purpose, ...options }: SignedFileSystemStorageOptions) {
    super(new FileSystemStorage(root, options), signer, purpose === undefined ? {} : { purpose });
  }
}
