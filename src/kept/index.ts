/** Files that are made once: generated ones, remote ones, and variants of others. */
export type { DerivedCoding } from "./compression.ts";
export type { DerivedFile, DeriveContext, DeriveFunction, DeriveOptions } from "./derived-file.ts";
export { keepFiles, type KeepFilesOptions, type KeyInput } from "./keep-files.ts";
export { KeptFiles, type KeptEntry } from "./kept-files.ts";
export type { KeepOptions, KeptFilesOptions } from "./kept-options.ts";
export type { KeptLeases } from "./kept-leases.ts";
export type { KeptEvent, KeptStatistics } from "./statistics.ts";
export type { KeptFile } from "./kept-file.ts";
export type { KeptKey, KeptKeyPart } from "./key.ts";
export type { KeptRecord, UpstreamLifetime } from "./record.ts";
export type { FreshnessOptions } from "./freshness.ts";
export type { SweepResult } from "./sweep.ts";
