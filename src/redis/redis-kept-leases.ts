import type { KeptLeases } from "../kept/kept-leases.ts";
import { refuseJSON } from "../serialization.ts";
import { RedisScripts, type IORedisClient, type NodeRedisClient } from "../signing/redis/scripts.ts";

export interface RedisKeptLeasesOptions {
  /** The prefix of the keys. Default `downloadview:kept:`. */
  readonly prefix?: string;
  /** How long Redis may take to answer, in seconds. After that each machine makes the file itself. Default 2. */
  readonly timeout?: number;
}

/**
 * Leases in Redis (5 or newer, also a cluster), for machines that share kept files in a storage: one machine makes a file, the
 * others wait for it. Redis sees a hash of the key of the file, not the key. If the maker is killed, Redis ends its lease.
 *
 * While Redis is down, or takes longer than `timeout` seconds, each machine makes the file itself.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "downloadview";
 * import { KeptFiles } from "downloadview/keep";
 * import { RedisKeptLeases } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => 1 };
 * const leases = new RedisKeptLeases(redis);
 * const kept = new KeptFiles({ folder: "/var/cache/app", shared: new MemoryStorage(), leases });
 * console.assert(await leases.take("hash", "machine 1", 10_000));
 * await kept.close();
 * ```
 */
export class RedisKeptLeases implements KeptLeases {
  readonly #scripts: RedisScripts;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:kept:", timeout = 2 }: RedisKeptLeasesOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
  }

  async take(key: string, holder: string, life: number): Promise<boolean> {
    // By then this machine makes the file without a lease, and another one may have it.
    const giveBack = (late: unknown): Promise<void> | undefined => (late === 1 ? this.release(key, holder) : undefined);
    return (await this.#scripts.run(takeScript, key, [holder, milliseconds(life)], giveBack)) === 1;
  }

  async renew(key: string, holder: string, life: number): Promise<boolean> {
    return (await this.#scripts.run(renewScript, key, [holder, milliseconds(life)])) === 1;
  }

  async release(key: string, holder: string): Promise<void> {
    await this.#scripts.run(releaseScript, key, [holder]);
  }

  async revoke(key: string): Promise<void> {
    await this.#scripts.run(revokeScript, key, []);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

function milliseconds(life: number): string {
  return String(Math.max(1, Math.round(life)));
}

const takeScript = "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0";

const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;

const revokeScript = "return redis.call('DEL', KEYS[1])";
