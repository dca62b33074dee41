import { RedisScripts, type IORedisClient, type NodeRedisClient } from "./scripts.ts";
import type { SentVersions } from "../sent-versions.ts";

export interface RedisSentVersionsOptions {
  /** The prefix of the keys. Default `downloadview:sent:`. */
  readonly prefix?: string;
  /** How long Redis may take to answer, in seconds. After that the client gets a 503. Default 2. */
  readonly timeout?: number;
}

/**
 * Remembers in Redis which version was sent under which signature, for `resumeFor` on several machines. Each has one key,
 * which Redis removes when it expires.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { RedisSentVersions } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => 1 };
 * console.assert(await new RedisSentVersions(redis).has("key", Date.now()));
 * ```
 */
export class RedisSentVersions implements SentVersions {
  readonly #scripts: RedisScripts;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:sent:", timeout = 2 }: RedisSentVersionsOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
  }

  async add(key: string, until: number, now: number): Promise<void> {
    await this.#scripts.run(addScript, key, [String(Math.max(1, Math.ceil(until - now)))]);
  }

  /** Ignores `_now`: Redis uses its own clock. */
  async has(key: string, _now: number): Promise<boolean> {
    return (await this.#scripts.run(hasScript, key, [])) === 1;
  }
}

const addScript = "redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) return 1";
const hasScript = "return redis.call('EXISTS', KEYS[1])";
