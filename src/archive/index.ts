export * from "./workerd.ts";
export { FolderFingerprints, type FolderFingerprintsOptions } from "./folder-fingerprints.ts";
