import type { Seed } from "./seed.ts";

const on = "XSendFile On";
const pass = "ProxyPass / ";

export const apacheSeeds: readonly Seed[] = [
  { from: on, to: "XSendFile Off", fails: "proxy-sends" },
  { from: 'XSendFilePath "ROOT"', to: 'XSendFilePath "/var/empty"', fails: "proxy-sends" },
  { from: `${pass}http://APP/ nocanon`, to: `${pass}http://127.0.0.1:1/ nocanon`, fails: "proxy-sends" },
  { from: pass, to: `<Location />\nRequire all denied\n</Location>\n${pass}`, fails: "proxy-sends" },
  { from: "/ nocanon", to: "/", fails: "proxy-names" },
  { from: "XSendFileUnescape Off", to: "XSendFileUnescape On", fails: "proxy-names", only: /Debian 13/ },
  { from: on, to: `${on}\nHeader set Cache-Control "public"`, fails: "proxy-fields" },
  { from: on, to: `${on}\nHeader unset Referrer-Policy`, fails: "proxy-fields" },
  { from: on, to: `${on}\nHeader always set X-Robots-Tag all`, fails: "proxy-fields" },
  { from: on, to: `${on}\nHeader unset Content-Disposition`, fails: "proxy-fields" },
  { from: on, to: `${on}\nHeader unset Set-Cookie`, fails: "proxy-fields" },
  { from: on, to: `${on}\nHeader unset ETag`, fails: "proxy-validators" },
  { from: on, to: `${on}\nRequestHeader unset If-None-Match`, fails: "proxy-not-modified" },
  { from: on, to: `${on}\nMaxRanges none`, fails: "proxy-range" },
  { from: on, to: `${on}\nRequestHeader unset Range early`, fails: "proxy-range" },
  { from: on, to: `${on}\nRequestHeader unset If-Range early`, fails: "proxy-if-range" },
  {
    from: pass,
    to: `RewriteEngine On\nRewriteCond %{REQUEST_METHOD} HEAD\nRewriteRule . - [F]\n${pass}`,
    fails: "proxy-head",
    modules: ["rewrite"],
  },
  { from: "Header unset X-Sendfile \"expr=%{REQUEST_STATUS} != '200'\"", to: "", fails: "proxy-guard" },
  {
    from: pass,
    to: `ProxyPass /media/ !\nAlias /media/ ROOT/\n${pass}`,
    fails: "proxy-internal",
    modules: ["alias"],
  },
  {
    from: pass,
    to: `ProxyPass /uploads/ !\nAlias "/uploads" "ROOT"\n<Directory ROOT>\nOptions +Indexes\n</Directory>\n${pass}`,
    fails: "proxy-internal",
    modules: ["alias", "dir", "autoindex"],
  },
  { from: "ProxyPreserveHost On", to: "", fails: "proxy-host" },
  { from: "ProxyPreserveHost On", to: "ProxyPreserveHost Off", fails: "proxy-host" },
  { from: 'RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"', to: "", fails: "proxy-scheme" },
  {
    from: 'RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"',
    to: "RequestHeader set X-Forwarded-Proto https",
    fails: "proxy-scheme",
  },
  {
    from: on,
    to: `${on}\nProxyErrorOverride On\nErrorDocument 403 http://127.0.0.1/sorry`,
    fails: "proxy-refused",
  },
  // Harmless. mod_xsendfile sets Last-Modified itself, and its files pass no filter.
  { from: on, to: `${on}\nHeader unset Last-Modified` },
  {
    from: on,
    to: `${on}\n<Location />\nSetOutputFilter DEFLATE\n</Location>`,
    modules: ["filter", "deflate"],
  },
  { from: on, to: `${on}\nAddOutputFilterByType DEFLATE text/html text/plain`, modules: ["filter", "deflate"] },
  { from: on, to: `${on}\nHeader always set X-Server-Name one` },
  { from: on, to: `${on}\nRequestHeader set X-Real-IP 127.0.0.1` },
  { from: on, to: `${on}\nHeader merge Vary Accept-Encoding` },
  { from: on, to: `${on}\nEnableSendfile Off` },
];
