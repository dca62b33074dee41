import type { ServerName } from "../config/server-configuration.ts";
import type { Reply } from "./ask.ts";

/** Fields that only CDNs, caches and load balancers set. */
const marks = [
  "cf-ray",
  "cf-cache-status",
  "x-varnish",
  "x-amz-cf-id",
  "x-amz-cf-pop",
  "x-fastly-request-id",
  "x-served-by",
  "x-akamai-request-id",
  "x-azure-ref",
  "x-vercel-id",
  "x-nf-request-id",
  "x-cache",
  "x-cdn",
  "x-sucuri-id",
  "x-iinfo",
  "age",
] as const;

const serverPatterns: Readonly<Record<ServerName, RegExp>> = {
  nginx: /nginx|openresty|angie|tengine/i,
  apache: /apache/i,
  lighttpd: /lighttpd/i,
  caddy: /caddy/i,
  h2o: /h2o/i,
};

const products =
  /cloudflare|cloudfront|akamai|varnish|fastly|squid|awselb|envoy|haproxy|traefik|bunnycdn|vercel|netlify|google frontend|\bgws\b|\bats\b/i;

/**
 * Returns the field, with its value, that a CDN, a cache or a load balancer between the client and the server has
 * added. Undefined if no field shows one.
 */
export function bystander(own: Reply, theirs: Reply, server: ServerName | undefined): string | undefined {
  const isNew = (name: string): boolean => theirs.field(name) !== undefined && own.field(name) === undefined;
  const name = theirs.field("Server");
  const other = Object.entries(serverPatterns).some(([known, pattern]) => known !== server && pattern.test(name ?? ""));
  if (name !== undefined && isNew("Server") && (products.test(name) || (server !== undefined && other)))
    return `Server: ${name}`;
  const via = theirs.field("Via");
  if (via !== undefined && isNew("Via") && !(server && serverPatterns[server].test(via))) return `Via: ${via}`;
  const mark = marks.find(isNew);
  return mark === undefined ? undefined : `${mark}: ${theirs.field(mark)}`;
}

/** Returns the server that a response names. Undefined if the field is missing, or names another product. */
export function serverNamed(reply: Reply): ServerName | undefined {
  const name = reply.field("Server");
  if (name === undefined) return undefined;
  return (Object.keys(serverPatterns) as ServerName[]).find((server) => serverPatterns[server].test(name));
}

/** The same, if it is not the application that names the server. */
export function serverIn(own: Reply, theirs: Reply): ServerName | undefined {
  return own.field("Server") === theirs.field("Server") ? undefined : serverNamed(theirs);
}
