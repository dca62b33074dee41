export * from "./workerd.ts";
export { temporaryStorage, type TemporaryStorage } from "./temporary-storage.ts";
