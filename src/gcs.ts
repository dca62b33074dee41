export { GCSStorage, type GCSStorageOptions } from "./storages/gcs-storage.ts";
