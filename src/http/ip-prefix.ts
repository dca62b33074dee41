/** An IP address as a number of `width` bits. */
interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** A range of addresses, such as `203.0.113.0/24`, `2001:db8::/32`, or one address. */
export interface IPPrefix extends Address {
  /** The number of leading bits that must be equal. */
  readonly length: number;
}

/** Parses a prefix (RFC 4632 §3.1, RFC 4291 §2.3). Returns undefined if `text` is not a prefix. */
export function parseIPPrefix(text: string): IPPrefix | undefined {
  const [, host = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === undefined) return undefined;
  const prefix = { ...address, length: length === undefined ? address.width : Number(length) };
  return prefix.length <= address.width ? prefix : undefined;
}

/** Tells whether `ip` lies in `prefix`. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as IPv4. */
export function isWithinIPPrefix(ip: string, prefix: IPPrefix): boolean {
  const address = parseAddress(ip);
  if (address === undefined || address.width !== prefix.width) return false;
  const rest = BigInt(prefix.width - prefix.length);
  return address.bits >> rest === prefix.bits >> rest;
}

/**
 * Returns what identifies the client behind an address: the IPv4 address, or the /64 of an IPv6 address, which a provider gives
 * to one customer (RFC 6177 §2). A client can use any of its 2^64 addresses. Returns other text as it is.
 */
export function clientNetwork(ip: string): string {
  const address = parseAddress(ip);
  if (address === undefined) return ip;
  if (address.width === 32) return [24n, 16n, 8n, 0n].map((shift) => (address.bits >> shift) & 255n).join(".");
  const groups = [112n, 96n, 80n, 64n].map((shift) => ((address.bits >> shift) & 0xffffn).toString(16));
  return `${groups.join(":")}::/64`;
}

function parseAddress(text: string): Address | undefined {
  return parseIPv4(text) ?? parseIPv6(text);
}

function parseIPv4(text: string): Address | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  return parts?.every((part) => part < 256) ? { bits: joined(parts, 8n), width: 32 } : undefined;
}

function parseIPv6(text: string): Address | undefined {
  // A link-local address may name its interface (RFC 4007 §11), which says nothing about the client.
  const groups = groupsOf(withoutDottedTail(text.replace(/%.*$/s, "")));
  if (groups === undefined) return undefined;
  const bits = joined(groups, 16n);
  return bits >> 32n === 0xffffn ? { bits: bits & 0xffff_ffffn, width: 32 } : { bits, width: 128 };
}

/** `::ffff:192.0.2.1` as `::ffff:c000:201`. */
function withoutDottedTail(text: string): string {
  const dotted = text.slice(text.lastIndexOf(":") + 1);
  const address = parseIPv4(dotted);
  if (address === undefined) return text;
  const hex = address.bits.toString(16).padStart(8, "0");
  return `${text.slice(0, -dotted.length)}${hex.slice(0, 4)}:${hex.slice(4)}`;
}

function groupsOf(text: string): number[] | undefined {
  const [head = "", tail, ...more] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = 8 - left.length - right.length;
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  return groups.every((group) => /^[\da-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

function joined(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((bits, part) => (bits << width) | BigInt(part), 0n);
}
