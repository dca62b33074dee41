import type { Seed } from "./seed.ts";

const host = "proxy_set_header Host $downloadview_host;";
const pass = "proxy_pass http://downloadview_app;";
const http11 = "proxy_http_version 1.1;";
const ignored = "proxy_ignore_headers X-Accel-Charset;";

export const nginxSeeds: readonly Seed[] = [
  { from: "alias ROOT/;", to: "alias ROOT;", fails: "proxy-sends" },
  { from: "alias ROOT/;", to: "alias /var/empty/;", fails: "proxy-sends" },
  { from: "alias ROOT/;", to: "root ROOT/;", fails: "proxy-sends" },
  { from: "alias ROOT/;", to: "alias ROOT/; deny all;", fails: "proxy-sends" },
  { from: "location ^~ /_downloads/ {", to: "location ^~ /_download/ {", fails: "proxy-sends" },
  { from: ignored, to: "proxy_ignore_headers X-Accel-Redirect;", fails: "proxy-sends" },
  {
    from: ignored,
    to: "proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect;",
    fails: "proxy-sends",
  },
  { from: "server APP;", to: "server 127.0.0.1:1;", fails: "proxy-sends" },
  { from: http11, to: `${http11} auth_basic "closed"; auth_basic_user_file /dev/null;`, fails: "proxy-sends" },
  { from: http11, to: `${http11} allow 192.0.2.1; deny all;`, fails: "proxy-sends" },
  { from: pass, to: "proxy_pass http://downloadview_app$uri;", fails: "proxy-names" },
  { from: pass, to: "rewrite ^(.*)$ $1? break; proxy_pass http://downloadview_app;", fails: "proxy-query" },
  {
    from: "add_header Referrer-Policy $upstream_http_referrer_policy always;",
    to: "",
    fails: "proxy-fields",
  },
  { from: "add_header X-Robots-Tag $upstream_http_x_robots_tag always;", to: "", fails: "proxy-fields" },
  {
    from: "add_header Content-Security-Policy $upstream_http_content_security_policy always;",
    to: "",
    fails: "proxy-fields",
  },
  {
    from: "add_header X-Content-Type-Options $upstream_http_x_content_type_options always;",
    to: "add_header X-Content-Type-Options sniff always;",
    fails: "proxy-fields",
  },
  { from: "add_header Vary $upstream_http_vary always;", to: "", fails: "proxy-fields" },
  { from: "alias ROOT/;", to: "alias ROOT/; expires 1h;", fails: "proxy-fields" },
  {
    from: "alias ROOT/;",
    to: "alias ROOT/; add_header Cache-Control $upstream_http_cache_control;",
    fails: "proxy-fields",
  },
  { from: "etag on;", to: "etag off;", fails: "proxy-validators" },
  {
    from: "add_header ETag $downloadview_etag;",
    to: 'add_header ETag "\\"fixed\\"";',
    fails: "proxy-validators",
  },
  {
    from: "add_header Last-Modified $upstream_http_last_modified;",
    to: 'add_header Last-Modified "Thu, 01 Jan 1970 00:00:00 GMT";',
    fails: "proxy-validators",
  },
  { from: "alias ROOT/;", to: "alias ROOT/; max_ranges 0;", fails: "proxy-range" },
  { from: http11, to: `if ($request_method = HEAD) { return 405; } ${http11}`, fails: "proxy-head" },
  { from: "gzip off;", to: "gzip on; gzip_types text/plain;", fails: "proxy-uncompressed" },
  { from: "gzip off;", to: "gzip on;", fails: "proxy-uncompressed" },
  { from: "gzip off;", to: "gzip on; gzip_types application/pdf;", fails: "proxy-uncompressed" },
  { from: "gzip off;", to: "gzip on; gzip_types application/json;", fails: "proxy-uncompressed" },
  {
    from: "alias ROOT/;",
    to: "alias ROOT/; open_file_cache max=9; open_file_cache_valid 60s;",
    fails: "proxy-fresh",
  },
  {
    from: http11,
    to: `proxy_intercept_errors on; error_page 403 =200 /x; ${http11}`,
    fails: "proxy-refused",
  },
  {
    from: "location / {",
    to: 'location @fine { return 200 "fine"; } location / { proxy_intercept_errors on; error_page 404 =200 @fine;',
    fails: "proxy-missing",
  },
  {
    from: "error_page 404 = @downloadview_missing;",
    to: "error_page 404 =200 /healthcheck/x;",
    fails: "proxy-missing",
  },
  {
    from: "return 404;",
    to: "return 200;",
    fails: "proxy-missing",
  },
  { from: 'if ($upstream_status !~ "^(?!.*200 :).*200$") { return 403; }', to: "", fails: "proxy-guard" },
  { from: "location / {", to: "location /media/ { alias ROOT/; } location / {", fails: "proxy-internal" },
  {
    from: "location / {",
    to: "location /files/ { alias ROOT/; autoindex on; } location / {",
    fails: "proxy-internal",
  },
  { from: host, to: "", fails: "proxy-host" },
  { from: host, to: "proxy_set_header Host inside.example;", fails: "proxy-host" },
  { from: "proxy_set_header X-Forwarded-Proto $scheme;", to: "", fails: "proxy-scheme" },
  {
    from: "proxy_set_header X-Forwarded-Proto $scheme;",
    to: "proxy_set_header X-Forwarded-Proto https;",
    fails: "proxy-scheme",
  },
  { from: ignored, to: "proxy_ignore_headers X-Accel-Buffering;", fails: "proxy-slow-clients" },
  // Harmless.
  // Node resets the connection of a broken stream, which nginx reports without a chunked coding as well.
  { from: http11, to: "proxy_http_version 1.0;" },
  // nginx compares If-None-Match with its own ETag, which is the application's.
  { from: http11, to: `proxy_set_header If-None-Match "bogus"; ${http11}` },
  { from: "internal;", to: "" },
  { from: "add_header ETag $downloadview_etag;", to: "" },
  { from: "add_header Last-Modified $upstream_http_last_modified;", to: "" },
  { from: "sendfile on;", to: "sendfile off;" },
  { from: "gzip off;", to: "gzip off; gzip_types text/plain;" },
  { from: "add_header Pragma $upstream_http_pragma;", to: "" },
  { from: ignored, to: "" },
  { from: "client_max_body_size 0;", to: "client_max_body_size 8m;" },
];
