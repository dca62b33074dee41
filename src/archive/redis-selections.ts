import { RedisScripts, type IORedisClient, type NodeRedisClient } from "../signing/redis/scripts.ts";
import type { SelectionStore } from "./selections.ts";

export interface RedisSelectionsOptions {
  /** What the names of the keys begin with. Default `downloadview:selection:`. */
  readonly prefix?: string;
  /** For how many seconds Redis may take to answer. After that the client gets a 503. Default 2. */
  readonly timeout?: number;
}

/**
 * Keeps selections in Redis, for several machines. One key each, which Redis drops when the selection expires.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { RedisSelections } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => '["1","2"]' };
 * console.assert((await new RedisSelections(redis).get("selection"))?.length === 2);
 * ```
 */
export class RedisSelections implements SelectionStore {
  readonly #scripts: RedisScripts;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:selection:", timeout = 2 }: RedisSelectionsOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
  }

  async add(selection: string, ids: readonly string[], expiresAt: number): Promise<void> {
    const life = Math.max(1, Math.ceil(expiresAt - Date.now()));
    await this.#scripts.run(addScript, selection, [JSON.stringify(ids), String(life)]);
  }

  async get(selection: string): Promise<readonly string[] | undefined> {
    const text = await this.#scripts.run(getScript, selection, []);
    return typeof text === "string" ? (JSON.parse(text) as readonly string[]) : undefined;
  }
}

const addScript = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
const getScript = "return redis.call('GET', KEYS[1])";
