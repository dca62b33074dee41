export { RedisDownloadCounter, type RedisDownloadCounterOptions } from "../signing/redis/download-counter.ts";
export type { IORedisClient, NodeRedisClient } from "../signing/redis/scripts.ts";
export { RedisSentVersions, type RedisSentVersionsOptions } from "../signing/redis/sent-versions.ts";
export { RedisFingerprints, type RedisFingerprintsOptions } from "../archive/redis-fingerprints.ts";
export { RedisSelections, type RedisSelectionsOptions } from "../archive/redis-selections.ts";
export { RedisRunningDownloads, type RedisRunningDownloadsOptions } from "../limits/redis-running-downloads.ts";
export { RedisKeptLeases, type RedisKeptLeasesOptions } from "./redis-kept-leases.ts";
