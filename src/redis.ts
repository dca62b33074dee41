export {
  RedisDownloadCounter,
  type IORedisClient,
  type NodeRedisClient,
  type RedisDownloadCounterOptions,
} from "./signing/redis-download-counter.ts";
