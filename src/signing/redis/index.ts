export { RedisDownloadCounter, type RedisDownloadCounterOptions } from "./download-counter.ts";
export type { IORedisClient, NodeRedisClient } from "./scripts.ts";
export { RedisSentVersions, type RedisSentVersionsOptions } from "./sent-versions.ts";
