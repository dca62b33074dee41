import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { withoutCredentials } from "../../serialization.ts";
import { isWithinIPPrefix, parseIPPrefix, type IPPrefix } from "../../http/ip-prefix.ts";

/**
 * The servers that requests may go to. Without `allowedHosts`: any server on the public internet. With it: only the listed
 * hosts, in any network.
 */
export interface RemotePolicy {
  readonly allowedHosts: ReadonlySet<string> | undefined;
}

/** @throws {ImproperlyConfiguredError} if an entry is not a host */
export function remotePolicy(allowedHosts: readonly string[] | undefined): RemotePolicy {
  return { allowedHosts: allowedHosts && new Set(allowedHosts.map(canonicalHost)) };
}

/** Normalizes `Files.Example`, `10.0.0.5:8080` or `[::1]:8080` as the URL parser does. */
function canonicalHost(entry: string): string {
  const [, host = "", port = ""] = /^([^/?#@*\\\s]+?)(?::0*(\d{1,5}))?$/.exec(entry) ?? [];
  const url = host && `http://${host}/`;
  if (URL.canParse(url) && Number(port) < 2 ** 16) return hostnameOf(new URL(url)) + (port && `:${port}`);
  throw new ImproperlyConfiguredError(
    `allowedHosts takes hosts as they are written in a URL, such as "files.example" or "10.0.0.5:8080", not ${JSON.stringify(entry)}`,
  );
}

/**
 * Resolves and checks a URL. The addresses of its host are checked later, when the client connects.
 *
 * @throws {UpstreamError} if the policy does not allow the URL; `cause` has the reason
 */
export function allowedUrl(location: string, policy: RemotePolicy, base?: URL): URL {
  if (!URL.canParse(location, base?.href)) throw refusedUpstream(location, "not an absolute URL");
  const url = new URL(location, base);
  const fault = faultOf(url, policy);
  if (fault !== undefined) throw refusedUpstream(url.href, fault);
  return url;
}

/** Returns the reason why the policy does not allow `url`, or undefined if it does. */
export function faultOf(url: URL, { allowedHosts }: RemotePolicy): string | undefined {
  if (url.protocol !== "http:" && url.protocol !== "https:") return `${url.protocol} is neither http: nor https:`;
  // As fetch has it (Fetch §5.4). In a URL credentials end in logs.
  if (url.username !== "" || url.password !== "") return "it has credentials, which belong in requestInit.headers";
  if (allowedHosts) return isListed(url, allowedHosts) ? undefined : "its host is not among allowedHosts";
  return faultOfHost(hostnameOf(url));
}

/** An entry may omit the default port of the scheme. */
function isListed(url: URL, allowedHosts: ReadonlySet<string>): boolean {
  const host = hostnameOf(url);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return allowedHosts.has(`${host}:${port}`) || (url.port === "" && allowedHosts.has(host));
}

// The parser of URLs has turned 0x7f.1, 2130706433 and fullwidth digits into 127.0.0.1 (WHATWG URL §3.5).
function faultOfHost(host: string): string | undefined {
  // Answered without being looked up, by resolvers that keep to RFC 6761 §6.3.
  if (/(^|\.)localhost$/.test(host)) return notPublic(host, "a name of this machine");
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const kind = parseIPPrefix(address) && whyNotPublic(address);
  return kind && notPublic(host, kind);
}

/** A name with its root is the same name: `files.example.` (RFC 1034 §3.1). */
function hostnameOf({ hostname }: URL): string {
  return hostname.replace(/\.$/, "");
}

/** @throws {UpstreamError} unless `host` is on the public internet, going by all addresses that it resolved to */
export function assertPublic(host: string, addresses: readonly string[]): void {
  for (const address of addresses) {
    const kind = whyNotPublic(address);
    if (kind !== undefined) throw refusedUpstream(host, notPublic(address, kind));
  }
}

function notPublic(host: string, kind: string): string {
  return `${host} is ${kind}; name it in allowedHosts if files may come from there`;
}

/** An upstream that is not asked, and why. Where it is of use, in `cause`, no client sees it. */
export function refusedUpstream(url: string, why: string): UpstreamError {
  const shown = URL.canParse(url) ? withoutCredentials(url) : url;
  return new UpstreamError(502, "Upstream refused", { cause: new Error(`${shown} is refused: ${why}`) });
}

/** Prefixes that are not part of the public internet, by the registries of IANA (RFC 6890). */
const reserved: readonly (readonly [kind: string, ...prefixes: string[]])[] = [
  ["an unspecified address", "0.0.0.0/8", "::/128"],
  ["a loopback address", "127.0.0.0/8", "::1/128"],
  ["a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"],
  // RFC 6598. Alibaba Cloud's metadata service is in it, Oracle's is in 192.0.0.0/24, Amazon's in fc00::/7.
  ["an address behind a carrier's NAT", "100.64.0.0/10"],
  ["a link-local address", "169.254.0.0/16", "fe80::/10"],
  ["a multicast address", "224.0.0.0/4", "ff00::/8"],
  ["an address for documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"],
  ["an address for benchmarks", "198.18.0.0/15"],
  // RFC 6890 §2.2.2 and §2.2.3: among others Teredo (2001::/32), whose packets end at an IPv4 address of any kind.
  ["an address for protocols", "192.0.0.0/24", "192.88.99.0/24", "2001::/23"],
  // Looks public: each virtual machine of Azure finds its host there.
  ["a cloud's own service", "168.63.129.16/32"],
  ["a reserved address", "240.0.0.0/4"],
];

const reservedPrefixes = /* @__PURE__ */ reserved.flatMap(([kind, ...prefixes]) =>
  prefixes.map((prefix) => [kind, parseIPPrefix(prefix)!] as const),
);

/** The only IPv6 prefix that is assigned to hosts of the public internet (RFC 4291 §2.4). */
const globalUnicast = /* @__PURE__ */ parseIPPrefix("2000::/3")!;

/**
 * Tells why an address is not on the public internet. An IPv6 address that embeds an IPv4 address counts as that one.
 *
 * @param address in a notation that `inet_pton` accepts
 * @returns a noun phrase such as "a loopback address", or undefined if the address is public
 */
export function whyNotPublic(address: string): string | undefined {
  const parsed = parseIPPrefix(address);
  if (parsed === undefined || parsed.length < parsed.width) return "not an address";
  const wrapped = wrappedIPv4(address, parsed);
  if (wrapped !== undefined) return whyNotPublic(wrapped);
  const [kind] = reservedPrefixes.find(([, prefix]) => isWithinIPPrefix(address, prefix)) ?? [];
  if (kind !== undefined) return kind;
  return parsed.width === 32 || isWithinIPPrefix(address, globalUnicast) ? undefined : "a reserved address";
}

/** Prefixes that embed an IPv4 address, and its position in bits from the right: NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2). */
const wrappers = [
  [/* @__PURE__ */ parseIPPrefix("64:ff9b::/96")!, 0n],
  [/* @__PURE__ */ parseIPPrefix("2002::/16")!, 80n],
] as const;

function wrappedIPv4(address: string, { bits }: IPPrefix): string | undefined {
  const [, shift] = wrappers.find(([prefix]) => isWithinIPPrefix(address, prefix)) ?? [];
  return shift === undefined ? undefined : dotted((bits >> shift) & 0xffff_ffffn);
}

function dotted(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}
