/** Files that are made once: generated ones, remote ones, and variants of others. */
export type { DerivedFile, DeriveContext, DeriveFunction, DeriveOptions } from "./derived-file.ts";
export { keepFiles, type KeepFilesOptions, type KeyInput } from "./keep-files.ts";
export {
  KeptFiles,
  type Found,
  type Keeping,
  type KeepOptions,
  type KeptEntry,
  type KeptEvent,
  type KeptFilesOptions,
  type KeptStatistics,
} from "./kept-files.ts";
export type { KeptFile } from "./kept-file.ts";
export type { HashedKey, KeptKey, KeptKeyPart } from "./key.ts";
export type { KeptRecord } from "./record.ts";
export type { UpstreamLifetime } from "./record.ts";
export type { Freshness, FreshnessOptions } from "./freshness.ts";
export type { SweepResult } from "./sweep.ts";
