import type { DownloadCharge, DownloadCounter, DownloadTerms, GrantResult } from "../download-counter.ts";
import { RedisScripts, type IORedisClient, type NodeRedisClient } from "./scripts.ts";

export interface RedisDownloadCounterOptions {
  /** The prefix of the keys. Default `downloadview:link:`. */
  readonly prefix?: string;
  /**
   * How long Redis may take to answer, in seconds. After that the client gets a 503. Default 2.
   *
   * Without a connection, Redis clients queue commands, some of them for ever.
   */
  readonly timeout?: number;
}

/**
 * Counts in Redis (5 or newer, also a cluster), for links that several machines serve. Each link has one hash, which Redis
 * removes when the link expires. If a link never expires, its hash stays. Redis must not evict keys
 * (`maxmemory-policy noeviction`), because an evicted link works again.
 *
 * While Redis is down, or takes longer than `timeout` seconds, limited links get a 503.
 *
 * @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number
 *
 * @example
 * ```ts
 * import { RedisDownloadCounter } from "downloadview/redis";
 *
 * // In place of `new Redis()` of ioredis, or of a connected client of node-redis.
 * const redis = { eval: async () => "1 a" };
 * const counter = new RedisDownloadCounter(redis);
 * const terms = { client: "a", whole: true, limit: 1, restarts: 0, now: Date.now(), grantLife: 60_000 };
 * console.assert((await counter.begin("link", terms)) === "1 a");
 * ```
 */
export class RedisDownloadCounter implements DownloadCounter {
  readonly #scripts: RedisScripts;

  constructor(
    client: IORedisClient | NodeRedisClient,
    { prefix = "downloadview:link:", timeout = 2 }: RedisDownloadCounterOptions = {},
  ) {
    this.#scripts = new RedisScripts(client, { prefix, timeout });
  }

  async begin(link: string, terms: DownloadTerms): Promise<string | undefined> {
    const { now, grantLife } = terms;
    // The client already has its 503: bytes that it did not get must not count.
    const giveBack = (late: unknown): Promise<void> | undefined =>
      typeof late === "string"
        ? this.end(link, late, { kind: "unused", sent: 0, counts: false, now, grantLife })
        : undefined;
    const grant = await this.#scripts.run(beginScript, link, termsArguments(terms), giveBack);
    return typeof grant === "string" ? grant : undefined;
  }

  async charge(link: string, grant: string, charge: DownloadCharge, terms: DownloadTerms): Promise<string | undefined> {
    const texts = [...termsArguments(terms), grant, ...chargeArguments(charge)];
    const charged = await this.#scripts.run(chargeScript, link, texts);
    return typeof charged === "string" ? charged : undefined;
  }

  async end(link: string, grant: string, result: GrantResult): Promise<void> {
    const { kind, charge, sent, counts, now, grantLife } = result;
    const texts = [grant, kind, String(sent), flag(counts), String(now), String(grantLife)];
    await this.#scripts.run(endScript, link, charge ? [...texts, ...chargeArguments(charge)] : texts);
  }

  async allows(link: string, terms: DownloadTerms): Promise<boolean> {
    return (await this.#scripts.run(allowsScript, link, termsArguments(terms))) === 1;
  }
}

function termsArguments({ client, whole, limit, restarts, now, grantLife, expiresAt }: DownloadTerms): string[] {
  const life = expiresAt === undefined ? "" : String(Math.max(1, expiresAt - now));
  return [client, flag(whole), String(limit), String(restarts), String(now), String(grantLife), life];
}

function chargeArguments({ bytes, size, version, resumes, probe }: DownloadCharge): string[] {
  return [String(bytes), String(size), version ?? "", flag(resumes), flag(probe)];
}

function flag(value: boolean): string {
  return value ? "1" : "0";
}

// A hash has the fields "uses" and "given", and one field for each client with its grants, as JSON. Redis runs each script
// atomically. The rules are those of `../grant.ts`, in the same order.
const library = `
local key = KEYS[1]
local function load(client)
  local text = redis.call('HGET', key, 'client ' .. client)
  return text and cjson.decode(text) or {}
end
local function save(client, grants)
  if #grants > 0 then redis.call('HSET', key, 'client ' .. client, cjson.encode(grants))
  else redis.call('HDEL', key, 'client ' .. client) end
end
local function uses() return tonumber(redis.call('HGET', key, 'uses') or '0') end
local function live(client, now)
  local grants, kept = load(client), {}
  for _, grant in ipairs(grants) do
    if grant.requests > 0 or grant.expires > now then kept[#kept + 1] = grant end
  end
  return kept
end
local function idOf(grant, client) return string.format('%.0f ', grant.number) .. client end
local function parseId(id) local number, client = string.match(id, '^(%d+) (.*)$'); return tonumber(number), client end
local function another(grants, limit)
  if uses() >= limit then return nil end
  redis.call('HINCRBY', key, 'uses', 1)
  local grant = { number = redis.call('HINCRBY', key, 'given', 1), delivered = 0, open = 0, lost = 0, held = 0, requests = 0, counts = false, expires = 0 }
  grants[#grants + 1] = grant
  return grant
end
local function isExhausted(grant) return grant.size ~= nil and grant.delivered >= grant.size end
local function canJoin(grant, whole, restarts)
  if whole then return grant.held == 0 and grant.delivered == 0 and grant.open == 0 end
  return grant.held < 32 * (1 + restarts) and not isExhausted(grant)
end
local function isSameVersion(grant, charge)
  if grant.size == nil then return true end
  return grant.size == charge.size and (grant.version == nil or charge.version == '' or grant.version == charge.version)
end
local function reserve(grant, charge, restarts)
  if not isSameVersion(grant, charge) and grant.delivered + grant.open > 0 then return false end
  local excess = charge.probe and 0 or math.max(0, grant.delivered + grant.open + charge.bytes - charge.size)
  if excess > 0 and (not charge.resumes or excess > grant.open) then return false end
  if grant.lost + (grant.delivered + grant.open + charge.bytes) / charge.size > 1 + restarts + 1e-9 then return false end
  grant.size = charge.size
  if charge.version ~= '' then grant.version = charge.version end
  grant.lost = grant.lost + (charge.probe and charge.bytes or excess) / charge.size
  grant.open = grant.open + (charge.probe and 0 or charge.bytes) - excess
  return true
end
local function drop(grants, grant)
  for at, one in ipairs(grants) do if one.number == grant.number then table.remove(grants, at) return end end
end
local function dropIfUnused(grants, grant)
  if grant.requests > 0 or grant.counts then return end
  redis.call('HINCRBY', key, 'uses', -1)
  drop(grants, grant)
end
local function chargeAt(at)
  if ARGV[at] == nil then return nil end
  return { bytes = tonumber(ARGV[at]), size = tonumber(ARGV[at + 1]), version = ARGV[at + 2], resumes = ARGV[at + 3] == '1', probe = ARGV[at + 4] == '1' }
end
`;

const readTerms = `${library}
local client, whole, limit, restarts = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4])
local now, life = tonumber(ARGV[5]), tonumber(ARGV[6])
local grants = live(client, now)
local function joined()
  for _, grant in ipairs(grants) do if canJoin(grant, whole, restarts) then return grant end end
end
`;

const allowsScript = `${readTerms}
return (joined() or uses() < limit) and 1 or 0
`;

const beginScript = `${readTerms}
local grant = joined() or another(grants, limit)
if not grant then return false end
grant.held = grant.held + 1
grant.requests = grant.requests + 1
grant.expires = now + life
save(client, grants)
if ARGV[7] ~= '' and redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[7]) end
return idOf(grant, client)
`;

const chargeScript = `${readTerms}
local number, charge, own = parseId(ARGV[8]), chargeAt(9), nil
for _, grant in ipairs(grants) do if grant.number == number then own = grant end end
if not own then return false end
own.held = math.max(0, own.held - 1)
own.requests = math.max(0, own.requests - 1)
local grant = reserve(own, charge, restarts) and own or nil
if not grant then
  dropIfUnused(grants, own)
  for _, other in ipairs(grants) do if not grant and reserve(other, charge, restarts) then grant = other end end
end
if not grant then
  grant = another(grants, limit)
  if grant then reserve(grant, charge, restarts) end
end
if grant then
  grant.requests = grant.requests + 1
  grant.expires = now + life
end
save(client, grants)
return grant and idOf(grant, client) or false
`;

const endScript = `${library}
local number, client = parseId(ARGV[1])
local kind, sent, counts, charge = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', chargeAt(7)
if not client then return 0 end
local grants, grant = live(client, tonumber(ARGV[5])), nil
for _, one in ipairs(grants) do if one.number == number then grant = one end end
if not grant then return 0 end
grant.counts = grant.counts or counts
grant.expires = tonumber(ARGV[5]) + tonumber(ARGV[6])
grant.requests = math.max(0, grant.requests - 1)
if not charge then
  grant.held = math.max(0, grant.held - 1)
elseif not charge.probe and kind ~= 'handedOver' then
  grant.open = math.max(0, grant.open - charge.bytes)
  if kind == 'complete' then grant.delivered = grant.delivered + charge.bytes end
  if kind == 'broken' then grant.lost = grant.lost + sent / charge.size end
end
dropIfUnused(grants, grant)
if isExhausted(grant) and grant.requests == 0 then drop(grants, grant) end
save(client, grants)
return 1
`;
