import type { BlobServiceClient, ContainerClient } from "@azure/storage-blob";
import { AzureDelegationKeys } from "./delegation-key.ts";
import { AzureStore, type AzureStoreOptions } from "./store.ts";
import { assertSubject, ObjectStorage, type ObjectStorageOptions } from "../object-store/object-storage.ts";

export type { ObjectStorage, ObjectStorageOptions };
export type { AzureStoreOptions };

export interface AzureStorageOptions extends ObjectStorageOptions, AzureStoreOptions {
  /**
   * Gets keys to sign URLs with, where the credentials are a token, such as that of a managed identity, and not the
   * account's key. Its identity needs the role Storage Blob Delegator, or one that includes it.
   */
  readonly service?: BlobServiceClient | undefined;
}

/**
 * Keeps files in a container of Azure Blob Storage. A download is one request, whose body passes through (two for a range
 * of the last bytes, which Azure does not know). `url()` is a service SAS, for which the client has to have the account's
 * key, or with `service` a user delegation SAS.
 *
 * @example
 * ```ts
 * import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
 * import { AzureStorage } from "downloadview/azure";
 *
 * const credential = new StorageSharedKeyCredential("account", "c2VjcmV0");
 * const container = new ContainerClient("https://account.blob.core.windows.net/documents", credential);
 * const storage = new AzureStorage(container, { prefix: "media" });
 * const url = new URL(await storage.url("report.pdf", { expiresIn: 600 }));
 * console.assert(url.pathname === "/documents/media/report.pdf" && url.searchParams.has("sig"));
 * ```
 */
export class AzureStorage extends ObjectStorage {
  /**
   * @param container A client of `@azure/storage-blob`, which knows the account and the credentials
   * @throws {ImproperlyConfiguredError} without a client, or for a prefix that no key can begin with
   */
  constructor(container: ContainerClient, options: AzureStorageOptions = {}) {
    assertSubject(container, "getBlobClient", "new AzureStorage(container, { prefix })");
    const { service } = options;
    super(new AzureStore(container, options, service && new AzureDelegationKeys(service)), options);
    if (options.customerProvidedKey) Object.defineProperty(this, "url", { value: undefined });
  }
}
