import type { Seed } from "./seed.ts";

const proxy = "\treverse_proxy ";
const down = "header_down -X-Accel-Redirect";

export const caddySeeds: readonly Seed[] = [
  { from: "header X-Accel-Redirect ROOT/*", to: "header X-Accel-Redirect /elsewhere/*", fails: "proxy-sends" },
  { from: "root * {rp.header.X-Accel-Redirect}", to: "root * /var/empty", fails: "proxy-sends" },
  { from: "reverse_proxy http://APP", to: "reverse_proxy http://127.0.0.1:1", fails: "proxy-sends" },
  { from: "\tstatus 200\n", to: "\n", fails: "proxy-guard" },
  { from: down, to: "", fails: "proxy-guard" },
  { from: proxy, to: `\tencode gzip\n${proxy}`, fails: "proxy-uncompressed", only: /^caddy$|13$/ },
  { from: proxy, to: `\tencode zstd gzip\n${proxy}`, fails: "proxy-uncompressed", only: /^caddy$/ },
  { from: proxy, to: `\theader -Referrer-Policy\n${proxy}`, fails: "proxy-fields" },
  { from: proxy, to: `\theader Cache-Control public\n${proxy}`, fails: "proxy-fields" },
  { from: "exclude X-Accel-Redirect", to: "exclude Content-Security-Policy X-Accel-Redirect", fails: "proxy-fields" },
  { from: "exclude X-Accel-Redirect", to: "include Content-Type\n\t\t\t\t#", fails: "proxy-fields" },
  { from: proxy, to: `\trequest_header -Range\n${proxy}`, fails: "proxy-range" },
  { from: proxy, to: `\trequest_header -If-None-Match\n${proxy}`, fails: "proxy-not-modified" },
  { from: down, to: `${down}\nheader_up -If-None-Match`, fails: "proxy-not-modified" },
  { from: "\tETag {rp.header.Etag}", to: "\tX-Old {rp.header.Etag}", fails: "proxy-validators" },
  { from: proxy, to: `\theader -ETag\n${proxy}`, fails: "proxy-validators" },
  { from: down, to: `${down}\nheader_up Host inside.example`, fails: "proxy-host" },
  { from: down, to: `${down}\nheader_up Host {upstream_hostport}`, fails: "proxy-host" },
  { from: down, to: `${down}\nheader_up X-Forwarded-Proto https`, fails: "proxy-scheme" },
  {
    from: proxy,
    to: `\thandle_path /media/* {\nroot * ROOT\nfile_server browse\n}\n${proxy}`,
    fails: "proxy-internal",
  },
  {
    from: proxy,
    to: `\thandle_path /files/* {\nroot * ROOT\nfile_server\n}\n${proxy}`,
    fails: "proxy-internal",
  },
  {
    from: '\trespond "{err.status_code} {err.status_text}" {err.status_code}',
    to: '\trespond "fine" 200',
    fails: "proxy-missing",
  },
  {
    from: down,
    to: `${down}\n@error status 403\nhandle_response @error {\nrespond "sorry" 200\n}`,
    fails: "proxy-refused",
  },
  { from: proxy, to: `\t@head method HEAD\n\trespond @head 405\n${proxy}`, fails: "proxy-head" },
  // Harmless.
  // Caddy reads the same time from the file.
  { from: "\tLast-Modified {rp.header.Last-Modified}", to: "\tX-Old {rp.header.Last-Modified}" },
  { from: proxy, to: `\theader X-Server-Name one\n${proxy}` },
  { from: proxy, to: `\theader +Vary Accept-Encoding\n${proxy}` },
  { from: down, to: `${down}\nheader_up X-Real-IP {remote_host}` },
  { from: "\tdisable_canonical_uris", to: "" },
];
