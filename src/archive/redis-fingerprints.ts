import { RedisScripts, type IORedisClient, type NodeRedisClient } from "../signing/redis/scripts.ts";
import type { Fingerprints } from "./fingerprints.ts";

export interface RedisFingerprintsOptions {
  /** What the names of the keys begin with. Default `downloadview:crc32:`. */
  readonly prefix?: string;
  /** After how many seconds without use Redis drops a fingerprint. Default 30 days. */
  readonly expiresIn?: number;
  /** For how many seconds Redis may take to answer. After that the member is read once more. Default 2. */
  readonly timeout?: number;
}

/**
 * Remembers the CRC-32s of archive members in Redis, for several machines. If Redis evicts one, the member is read once
 * more.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { RedisFingerprints } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => "907060870" };
 * console.assert((await new RedisFingerprints(redis).get("key")) === 907060870);
 * ```
 */
export class RedisFingerprints implements Fingerprints {
  readonly #scripts: RedisScripts;
  readonly #life: string;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:crc32:", expiresIn = 30 * 24 * 3600, timeout = 2 }: RedisFingerprintsOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
    this.#life = String(Math.max(1, Math.round(expiresIn * 1000)));
  }

  async get(key: string): Promise<number | undefined> {
    const text = await this.#scripts.run(getScript, key, [this.#life]);
    return typeof text === "string" && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  }

  async set(key: string, crc32: number): Promise<void> {
    await this.#scripts.run(setScript, key, [String(crc32), this.#life]);
  }
}

const getScript =
  "local crc32 = redis.call('GET', KEYS[1]) if crc32 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return crc32";
const setScript = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
