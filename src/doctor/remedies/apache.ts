import { edit, run, sentences, spelled } from "./edit.ts";
import type { Place, ServerRemedies } from "./problem.ts";

const host = "the virtual host";

function passes({ app }: Place): string {
  return `ProxyPass / ${app}/ nocanon`;
}

function folder(place: Place): string {
  return edit(host, { write: [`XSendFilePath "${place.folder}"`] });
}

function noCache(): string {
  return edit(host, { remove: ["CacheEnable …"] });
}

function noReplacement(): string {
  return edit(host, {
    remove: ["ProxyErrorOverride …", "ErrorDocument …", "FallbackResource …"],
    write: ["ProxyErrorOverride Off"],
  });
}

export const apacheRemedies: ServerRemedies = {
  "not-enabled": () =>
    sentences(
      edit(host, { remove: ["XSendFile …"], write: ["XSendFile On"] }),
      "The module must be enabled (`a2enmod xsendfile`).",
    ),
  "no-location": (place) => folder(place),
  "wrong-folder": (place) => sentences(folder(place), "The folder must be the one of the storage as Apache sees it."),
  denied: (place, { commands }) => (commands.length > 0 ? run(commands) : folder(place)),
  locked: (_place, { path }) =>
    sentences(
      edit("the end of the virtual host", {
        write: [`<Location ${path}>`, "AuthMerging Off", "Require all granted", "</Location>"],
      }),
      "The health check serves nothing but the doctor's files.",
    ),
  "no-application": (place) =>
    `Apache does not reach the application. ${edit(host, { remove: ["ProxyPass / …"], write: [passes(place)] })}`,
  fields: (_place, { changes }) =>
    edit(host, {
      remove: [
        ...changes.map(({ name }) => `Header …${spelled(name)}…`),
        ...(changes.some(({ name }) => name === "cache-control" || name === "expires") ? ["Expires…"] : []),
      ],
    }),
  validators: (_place, { names }) => edit(host, { remove: names.map((name) => `Header …${name}…`) }),
  names: (place, { arrives }) =>
    arrives
      ? edit(host, {
          remove: ["XSendFileUnescape …"],
          write: ["<IfDirective XSendFileUnescape>", "XSendFileUnescape Off", "</IfDirective>"],
        })
      : edit(host, {
          remove: ["AllowEncodedSlashes …", "ProxyPass / …", "RewriteRule …"],
          write: ["AllowEncodedSlashes NoDecode", passes(place)],
        }),
  "not-modified": () =>
    edit(host, { remove: ["RequestHeader …If-None-Match…", "RequestHeader …If-Modified-Since…", "CacheEnable …"] }),
  range: () => edit(host, { remove: ["MaxRanges …", "RequestHeader …Range…", "Header …Accept-Ranges…"] }),
  "if-range": () => edit(host, { remove: ["RequestHeader …If-Range…"] }),
  head: () =>
    edit(host, { remove: ["RewriteCond %{REQUEST_METHOD} …", "RewriteRule …", "<LimitExcept …", "<Limit …"] }),
  compressed: () =>
    sentences(
      edit(host, {
        remove: [
          "SetOutputFilter …DEFLATE…",
          "SetOutputFilter …BROTLI…",
          "AddOutputFilter…DEFLATE…",
          "AddOutputFilter…BROTLI…",
        ],
      }),
      "If they stand elsewhere (`mods-enabled/deflate.conf`), write `SetEnv no-gzip 1` and `SetEnv no-brotli 1` in the virtual host instead.",
    ),
  stale: () => noCache(),
  cached: () => noCache(),
  "replaced-error": () => noReplacement(),
  missing: () => noReplacement(),
  unguarded: () => edit(host, { write: [`Header unset X-Sendfile "expr=%{REQUEST_STATUS} != '200'"`] }),
  public: (_place, { path }) =>
    sentences(
      edit(host, { remove: [`Alias…${path.replace(/\/$/, "")}…`, `ProxyPass ${path}… !`, "DocumentRoot …"] }),
      "If none of them is there, remove what else makes the path lead to the storage's folder.",
    ),
  host: () => edit(host, { remove: ["ProxyPreserveHost …", "RequestHeader …Host …"], write: ["ProxyPreserveHost On"] }),
  scheme: ({ scheme, tlsEndsBefore }) =>
    edit(host, {
      remove: ["RequestHeader …X-Forwarded-Proto…"],
      write: [
        `RequestHeader set X-Forwarded-Proto ${tlsEndsBefore ? JSON.stringify(scheme) : '"expr=%{REQUEST_SCHEME}"'}`,
      ],
    }),
  buffered: (place) =>
    edit(host, {
      remove: ["SetOutputFilter …", "AddOutputFilter…", "ProxyPass / …"],
      write: [`${passes(place)} flushpackets=on`],
    }),
  truncated: () => edit(host, { remove: ["SetEnv …force-proxy-request-1.0…", "SetEnvIf …force-proxy-request-1.0…"] }),
  spooled: () => edit(host, { remove: ["SetOutputFilter …", "CacheEnable …"] }),
};
