import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { withoutCredentials } from "../../serialization.ts";
import { parseIPPrefix } from "../../http/ip-prefix.ts";
import { whyNotPublic } from "./address.ts";

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
