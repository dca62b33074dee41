export { AzureStorage, type AzureStorageOptions } from "./storages/azure-storage.ts";
