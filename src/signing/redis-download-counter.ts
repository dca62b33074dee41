import { DownloadError } from "../errors.ts";
import type { DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";

/** The one method of ioredis that is used, and one by which it is known. */
export interface IORedisClient {
  defineCommand: unknown;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** The one method of node-redis that is used. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

export interface RedisDownloadCounterOptions {
  /** What the names of the keys begin with. Default `downloadview:link:`. */
  readonly prefix?: string;
}

/**
 * Counts in Redis (5 or newer, also a cluster), for links that several machines serve. A link is one hash, which Redis
 * drops when the link expires; where a link never does, its hash stays. The Redis must not evict keys
 * (`maxmemory-policy noeviction`): a link that was forgotten works again.
 *
 * @example
 * ```ts
 * import { RedisDownloadCounter } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => "1" };
 * const counter = new RedisDownloadCounter(redis);
 * const terms = { client: "a", whole: true, limit: 1, now: Date.now(), grantLife: 60_000 };
 * console.assert((await counter.begin("link", terms)) === "1");
 * ```
 */
export class RedisDownloadCounter implements DownloadCounter {
  readonly #client: IORedisClient | NodeRedisClient;
  readonly #prefix: string;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:link:" }: RedisDownloadCounterOptions = {},
  ) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async begin(link: string, terms: DownloadTerms): Promise<string | undefined> {
    const grant = await this.#run(beginScript, link, termsArguments(terms));
    return typeof grant === "string" ? grant : undefined;
  }

  async end(link: string, grant: string, { kind, now, grantLife }: GrantResult): Promise<void> {
    await this.#run(endScript, link, [grant, kind, String(now), String(grantLife)]);
  }

  async allows(link: string, terms: DownloadTerms): Promise<boolean> {
    return (await this.#run(allowsScript, link, termsArguments(terms))) === 1;
  }

  /** @throws {DownloadError} 503, as a link that can't be counted can't be served */
  async #run(script: string, link: string, texts: string[]): Promise<unknown> {
    const key = this.#prefix + link;
    try {
      return await ("defineCommand" in this.#client
        ? this.#client.eval(script, 1, key, ...texts)
        : this.#client.eval(script, { keys: [key], arguments: texts }));
    } catch (cause) {
      throw new DownloadError(503, "The counter of limited links can't be reached", { cause });
    }
  }
}

function termsArguments({ client, whole, limit, now, grantLife, expiresAt }: DownloadTerms): string[] {
  const life = expiresAt === undefined ? "" : String(Math.max(1, expiresAt - now));
  return [client, whole ? "1" : "0", String(limit), String(now), String(grantLife), life];
}

// A hash has the fields "uses" and "grants given", and one for each grant, by its number: how many requests are under
// way, whether it counts, when it expires, and the client. Redis runs a script without anything in between.
const readGrant = `
local function read(text)
  local requests, counts, expires, client = string.match(text, '^(%d+) (%d) (%d+) (.*)$')
  return { requests = tonumber(requests), counts = counts == '1', expires = tonumber(expires), client = client }
end
local function write(id, grant)
  local counts = grant.counts and '1' or '0'
  local text = string.format('%d %s %.0f ', grant.requests, counts, grant.expires) .. grant.client
  redis.call('HSET', KEYS[1], id, text)
end
`;

const findGrant = `${readGrant}
local client, whole, limit = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local now, life = tonumber(ARGV[4]), tonumber(ARGV[5])
local uses = tonumber(redis.call('HGET', KEYS[1], 'uses') or '0')
local fields = redis.call('HGETALL', KEYS[1])
local found, expired = nil, {}
for i = 1, #fields, 2 do
  if string.match(fields[i], '^%d+$') then
    local grant = read(fields[i + 1])
    if grant.expires <= now then
      expired[#expired + 1] = fields[i]
    elseif grant.client == client and not (whole and grant.requests > 0) then
      found = found or fields[i]
    end
  end
end
`;

const allowsScript = `${findGrant}
return (found or uses < limit) and 1 or 0
`;

const beginScript = `${findGrant}
for _, id in ipairs(expired) do redis.call('HDEL', KEYS[1], id) end
if not found and uses >= limit then return false end
local grant = found and read(redis.call('HGET', KEYS[1], found)) or { requests = 0, counts = false, client = client }
if not found then
  redis.call('HINCRBY', KEYS[1], 'uses', 1)
  found = tostring(redis.call('HINCRBY', KEYS[1], 'grants given', 1))
end
grant.requests = grant.requests + 1
grant.expires = now + life
write(found, grant)
if ARGV[6] ~= '' and redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
return found
`;

const endScript = `${readGrant}
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return 0 end
local grant = read(text)
grant.requests = math.max(0, grant.requests - 1)
grant.counts = grant.counts or ARGV[2] == 'partial'
grant.expires = tonumber(ARGV[3]) + tonumber(ARGV[4])
local given_back = ARGV[2] == 'unused' and not grant.counts and grant.requests == 0
if given_back then redis.call('HINCRBY', KEYS[1], 'uses', -1) end
if given_back or ARGV[2] == 'complete' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  write(ARGV[1], grant)
end
return 1
`;
