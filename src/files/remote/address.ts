import { isWithinIPPrefix, parseIPPrefix, type IPPrefix } from "../../http/ip-prefix.ts";

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

const reservedPrefixes = reserved.flatMap(([kind, ...prefixes]) =>
  prefixes.map((prefix) => [kind, parseIPPrefix(prefix)!] as const),
);

/** The only IPv6 prefix that is assigned to hosts of the public internet (RFC 4291 §2.4). */
const globalUnicast = parseIPPrefix("2000::/3")!;

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
  [parseIPPrefix("64:ff9b::/96")!, 0n],
  [parseIPPrefix("2002::/16")!, 80n],
] as const;

function wrappedIPv4(address: string, { bits }: IPPrefix): string | undefined {
  const [, shift] = wrappers.find(([prefix]) => isWithinIPPrefix(address, prefix)) ?? [];
  return shift === undefined ? undefined : dotted((bits >> shift) & 0xffff_ffffn);
}

function dotted(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}
