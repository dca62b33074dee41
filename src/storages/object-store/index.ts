/** What the module of one more object store is made of: the calls of a store, and the storage on top of them. */
export { ObjectStorage, type ObjectStorageOptions } from "./object-storage.ts";
export type { ObjectLimits } from "./limits.ts";
export type {
  ObjectAnswer,
  ObjectRequest,
  ObjectStore,
  PutOptions,
  StoreFailure,
  StoreUrlOptions,
} from "./object-store.ts";
export type { URLValidity } from "./url-validity.ts";
export type { RemoteAnswer } from "../../files/remote/open-remote-file.ts";
export type { NodeStream } from "../../files/byte-source.ts";
