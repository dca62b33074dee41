import type { ContainerClient } from "@azure/storage-blob";
import { AzureStore } from "./azure-store.ts";
import { ObjectStorage, type ObjectStorageOptions } from "./object-storage.ts";

export interface AzureStorageOptions extends ObjectStorageOptions {
  /** A client of `@azure/storage-blob`, which knows the account and the credentials. */
  readonly container: ContainerClient;
}

/**
 * Keeps files in a container of Azure Blob Storage. A download is one request, whose body passes through (two for a range
 * of the last bytes, which Azure does not know). `url()` is a service SAS, for which the client has to have the account's
 * key.
 *
 * @example
 * ```ts
 * import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
 * import { AzureStorage } from "downloadview/azure";
 *
 * const credential = new StorageSharedKeyCredential("account", "c2VjcmV0");
 * const container = new ContainerClient("https://account.blob.core.windows.net/documents", credential);
 * const storage = new AzureStorage({ container, prefix: "media" });
 * const url = new URL(await storage.url("report.pdf", { expiresIn: 600 }));
 * console.assert(url.pathname === "/documents/media/report.pdf" && url.searchParams.has("sig"));
 * ```
 */
export class AzureStorage extends ObjectStorage {
  constructor({ container, prefix }: AzureStorageOptions) {
    super(new AzureStore(container), { prefix });
  }
}
