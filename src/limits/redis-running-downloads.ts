import { RedisScripts, type IORedisClient, type NodeRedisClient } from "../signing/redis/scripts.ts";
import {
  maxOverlap,
  type AdmittedTransfer,
  type NewTransfer,
  type RunningDownloads,
  type RunningTerms,
  type RunningTransfer,
} from "./running-downloads.ts";

export interface RedisRunningDownloadsOptions {
  /** The prefix of the keys. Default `downloadview:running:`. */
  readonly prefix?: string;
  /** How long Redis may take to answer, in seconds. After that the client gets a 503. Default 2. */
  readonly timeout?: number;
}

/**
 * Counts in Redis (5 or newer, also a cluster), for downloads that several processes serve. Each key has one hash, which Redis
 * removes when its last lease runs out. The clocks of the machines should agree within seconds.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { RedisRunningDownloads } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => ["1", 1] };
 * const terms = { limit: 1, now: Date.now(), lease: 60_000 };
 * const admitted = await new RedisRunningDownloads(redis).start("alice", { id: "1", file: "a", bytes: 9, size: 9 }, terms);
 * console.assert(admitted?.running === 1);
 * ```
 */
export class RedisRunningDownloads implements RunningDownloads {
  readonly #scripts: RedisScripts;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:running:", timeout = 2 }: RedisRunningDownloadsOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
  }

  async start(
    key: string,
    { id, file, bytes, size }: NewTransfer,
    { limit, now, lease }: RunningTerms,
  ): Promise<AdmittedTransfer | undefined> {
    const texts = [
      now,
      Math.ceil(lease),
      Math.min(limit, Number.MAX_SAFE_INTEGER),
      maxOverlap,
      id,
      file,
      bytes,
      size,
    ].map(String);
    // The client already has its 503.
    const giveBack = (): Promise<void> => this.end(key, id);
    const answer = await this.#scripts.run(startScript, key, texts, giveBack);
    return Array.isArray(answer) ? { download: String(answer[0]), running: Number(answer[1]) } : undefined;
  }

  async renew(
    key: string,
    transfers: readonly RunningTransfer[],
    { now, lease }: Omit<RunningTerms, "limit">,
  ): Promise<number> {
    const texts = transfers.flatMap(({ id, file, bytes, size, download }) => [id, file, bytes, size, download]);
    return Number(await this.#scripts.run(renewScript, key, [now, Math.ceil(lease), ...texts].map(String)));
  }

  async end(key: string, id: string): Promise<void> {
    await this.#scripts.run("return redis.call('HDEL', KEYS[1], ARGV[1])", key, [id]);
  }
}

// A hash has a field for each transfer: its file, bytes, size, download and the end of its lease, as JSON. The rules are those
// of `running-downloads.ts`. Redis takes whole milliseconds only. Limits that share a key may have leases of different lengths.
const library = `
local key, now, lease = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local function live()
  local all, kept = redis.call('HGETALL', key), {}
  for at = 1, #all, 2 do
    local transfer = cjson.decode(all[at + 1])
    if transfer['until'] > now then kept[#kept + 1] = transfer else redis.call('HDEL', key, all[at]) end
  end
  return kept
end
local function save(id, file, bytes, size, download)
  local transfer = { file = file, bytes = bytes, size = size, download = download, ['until'] = now + lease }
  redis.call('HSET', key, id, cjson.encode(transfer))
  if redis.call('PTTL', key) < lease then redis.call('PEXPIRE', key, lease) end
end
`;

const startScript = `${library}
local limit, overlap, id, file = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local bytes, size = tonumber(ARGV[7]), tonumber(ARGV[8])
local running, open, count, download = live(), {}, 0, nil
for _, one in ipairs(running) do
  if open[one.download] == nil then count = count + 1 end
  open[one.download] = (open[one.download] or 0) + one.bytes
end
for _, one in ipairs(running) do
  if not download and one.file == file and bytes < size and open[one.download] + bytes <= overlap * size then
    download = one.download
  end
end
if not download and count < limit then download = id end
if not download then return false end
save(id, file, bytes, size, download)
return { download, #running + 1 }
`;

const renewScript = `${library}
for at = 3, #ARGV, 5 do save(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4]) end
return #live()
`;
