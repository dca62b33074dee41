import type { Seed } from "./seed.ts";

/** nginx that passes on what the application sends itself. */
export const plainNginx = `events { }
http {
  proxy_cache_path FOLDER/cache keys_zone=cache:1m;
  upstream downloadview_app {
    server APP;
  }
  server {
    listen 127.0.0.1:PROXY;

    location / {
      proxy_pass http://downloadview_app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_max_temp_file_size 0;
    }
  }
}
`;

const http11 = "proxy_http_version 1.1;";
const cache = "proxy_cache cache; proxy_cache_valid 200 1m;";

export const plainNginxSeeds: readonly Seed[] = [
  { from: "proxy_max_temp_file_size 0;", to: "", fails: "proxy-slow-clients" },
  { from: "proxy_set_header Host $http_host;", to: "", fails: "proxy-host" },
  { from: "X-Forwarded-Proto $scheme;", to: "X-Forwarded-Proto https;", fails: "proxy-scheme" },
  { from: http11, to: `${http11} gzip on; gzip_types text/plain;`, fails: "proxy-uncompressed" },
  { from: http11, to: `${http11} gzip on;`, fails: "proxy-uncompressed" },
  { from: http11, to: `${http11} proxy_hide_header ETag;`, fails: "proxy-validators" },
  { from: http11, to: `${http11} proxy_hide_header Content-Disposition;`, fails: "proxy-fields" },
  { from: http11, to: `${http11} add_header Cache-Control public;`, fails: "proxy-fields" },
  { from: http11, to: `${http11} expires 1h;`, fails: "proxy-fields" },
  { from: http11, to: `${http11} proxy_set_header If-None-Match "";`, fails: "proxy-not-modified" },
  { from: http11, to: `${http11} proxy_set_header Range "";`, fails: "proxy-range" },
  { from: http11, to: `${http11} proxy_set_header If-Range "";`, fails: "proxy-if-range" },
  { from: http11, to: `${http11} if ($request_method = HEAD) { return 405; }`, fails: "proxy-head" },
  {
    from: http11,
    to: `${http11} ${cache} proxy_ignore_headers Cache-Control Set-Cookie Vary;`,
    fails: "proxy-private",
  },
  // It stores nothing private, but takes Range and If-None-Match from each request.
  { from: http11, to: `${http11} ${cache}`, fails: "proxy-range" },
  {
    from: http11,
    to: `${http11} proxy_intercept_errors on; error_page 403 =200 /healthcheck/x;`,
    fails: "proxy-refused",
  },
  { from: "http://downloadview_app;", to: "http://downloadview_app$uri;", fails: "proxy-names" },
  { from: "location / {", to: "location /media/ { alias ROOT/; } location / {", fails: "proxy-internal" },
  // Harmless.
  { from: http11, to: `${http11} proxy_set_header X-Real-IP $remote_addr;` },
  { from: http11, to: `${http11} proxy_read_timeout 300;` },
  { from: http11, to: `${http11} add_header X-Server-Name one;` },
  { from: "proxy_set_header X-Forwarded-Proto $scheme;", to: "" },
];
