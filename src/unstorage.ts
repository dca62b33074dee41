export { UnstorageStorage, type Unstorage } from "./storages/unstorage-storage.ts";
