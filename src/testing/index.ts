export * from "./workerd.ts";
export { temporaryStorage, type MadeFolder, type TemporaryStorage } from "./temporary-storage.ts";
