import type { Problem } from "./problem.ts";

const asks: Readonly<Partial<Record<Problem["kind"], string>>> = {
  fields: "pass on the application's header fields unchanged",
  validators: "pass on ETag and Last-Modified unchanged",
  names: "pass on the URL as the client wrote it, with its query",
  "not-modified": "pass If-None-Match on, and the 304 back",
  range: "pass Range on, and the 206 back",
  "if-range": "pass If-Range on",
  head: "pass HEAD on as HEAD",
  compressed: "not compress downloads",
  stale: "not store downloads",
  cached: "not store responses that have Cache-Control: private",
};

const products: Readonly<Record<string, Readonly<Partial<Record<Problem["kind"], string>>>>> = {
  cloudflare: {
    validators: 'In a Cache Rule for the downloads, turn on "Respect Strong ETags".',
    compressed: 'In a Compression Rule for the downloads, choose "Disable compression".',
    stale: 'In a Cache Rule for the downloads, choose "Bypass cache".',
    cached: 'In a Cache Rule for the downloads, choose "Bypass cache".',
  },
  varnish: {
    range: "In vcl_recv, write `return (pass);` for the downloads: a miss fetches the whole object without Range.",
    "not-modified": "In vcl_recv, write `return (pass);` for the downloads.",
    stale: "In vcl_recv, write `return (pass);` for the downloads.",
    cached: "In vcl_recv, write `return (pass);` for the downloads.",
  },
  cloudfront: {
    names: "In the origin request policy, forward all query strings.",
    range: "In the behavior for the downloads, use the cache policy `CachingDisabled`.",
    stale: "In the behavior for the downloads, use the cache policy `CachingDisabled`.",
    cached: "In the behavior for the downloads, use the cache policy `CachingDisabled`.",
  },
};

/** The remedy for what stands between the client and the server. `evidence` is the field that shows it. */
export function betweenRemedy({ kind }: Problem, evidence: string | undefined): string {
  const found = evidence === undefined ? "" : ` (${evidence})`;
  const product = Object.keys(products).find((name) => evidence?.toLowerCase().includes(name));
  const exact = product === undefined ? undefined : products[product]?.[kind];
  return (
    `A CDN, a cache or a load balancer stands between the client and the server${found}. ` +
    (exact ?? `Let it ${asks[kind] ?? "pass downloads on unchanged"}.`)
  );
}
