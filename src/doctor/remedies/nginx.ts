import { edit, run, sentences, spelled } from "./edit.ts";
import type { FieldChange, Place, ServerRemedies } from "./problem.ts";

const app = "the location that passes requests to the application";
const serverBlock = "the server block";

/** The location that sends the bytes. Without offload, it is the application's. */
function files({ offloads, location }: Place): string {
  return offloads ? `the location of the files (\`location ^~ ${location}\`)` : app;
}

/** Fields that nginx keeps when it follows X-Accel-Redirect. It drops all others. */
const kept = new Set(["content-type", "content-disposition", "set-cookie", "cache-control", "expires"]);

function alias(place: Place): string {
  return edit(files(place), { remove: ["alias …;", "root …;"], write: [`alias ${quoted(`${place.folder}/`)};`] });
}

function passes({ app: origin }: Place): string {
  return edit(app, { remove: ["rewrite …;", "proxy_pass …;"], write: [`proxy_pass ${origin};`] });
}

function noReplacement(): string {
  return edit(app, { remove: ["proxy_intercept_errors …;", "error_page …;"], write: ["proxy_intercept_errors off;"] });
}

function streams(): string {
  return edit(app, {
    remove: ["proxy_buffering …;", "proxy_ignore_headers …X-Accel-Buffering…;"],
    write: ["proxy_buffering off;"],
  });
}

const guard = 'if ($upstream_status !~ "^(?!.*200 :).*200$") { return 403; }';

export const nginxRemedies: ServerRemedies = {
  "not-enabled": () =>
    sentences(
      edit(app, {
        remove: ["proxy_ignore_headers …X-Accel-Redirect…;", "proxy_pass_header X-Accel-Redirect;"],
        write: ["proxy_ignore_headers X-Accel-Charset;"],
      }),
      "The request must go through nginx.",
    ),
  "no-location": ({ location, folder }) =>
    sentences(
      edit(`the location with \`alias ${quoted(`${folder}/`)};\``, {
        replace: ["location … {", `location ^~ ${quoted(location)} {`],
      }),
      `If there is none, write what \`downloadview config nginx --locations\` prints into ${serverBlock}.`,
    ),
  "wrong-folder": (place) =>
    sentences(alias(place), "The folder is the one of the storage as nginx sees it: in a container, it may differ."),
  denied: (place, { commands }) =>
    commands.length > 0
      ? run(commands)
      : edit(files(place), {
          remove: ["deny …;", "allow …;", "auth_basic …;", "auth_request …;", "satisfy …;"],
        }),
  locked: ({ app: origin }, { path }) =>
    sentences(
      edit(app, { write: [`location ${path} { auth_basic off; allow all; proxy_pass ${origin}; }`] }),
      "The health check serves nothing but the doctor's files.",
    ),
  "no-application": ({ app: origin }) =>
    `nginx does not reach the application. ${edit("the upstream of the application", {
      remove: ["server …;"],
      write: [`server ${new URL(origin).host};`],
    })}`,
  fields: (place, { changes }) => fieldRemedy(place, changes),
  validators: (place) =>
    place.offloads
      ? edit(files(place), {
          remove: ["etag …;", "add_header ETag …;", "add_header Last-Modified …;"],
          write: [
            "etag on;",
            "add_header ETag $downloadview_etag;",
            "add_header Last-Modified $upstream_http_last_modified;",
          ],
        })
      : edit(app, {
          remove: [
            "proxy_hide_header ETag;",
            "proxy_hide_header Last-Modified;",
            "sub_filter …;",
            "add_header ETag …;",
          ],
          write: ["gzip off;"],
        }),
  names: (place) => passes(place),
  "not-modified": () =>
    edit(app, {
      remove: ["proxy_set_header If-None-Match …;", "proxy_set_header If-Modified-Since …;", "proxy_cache …;"],
      write: ["proxy_cache off;"],
    }),
  range: (place) =>
    place.offloads
      ? edit(files(place), { remove: ["max_ranges …;", "sub_filter …;", "slice …;"], write: ["max_ranges 1000;"] })
      : edit(app, {
          remove: ["max_ranges …;", "sub_filter …;", "proxy_set_header Range …;", "proxy_cache …;"],
          write: ["proxy_cache off;"],
        }),
  "if-range": (place) =>
    place.offloads
      ? nginxRemedies.validators(place, { kind: "validators", names: ["ETag"] })
      : edit(app, { remove: ["proxy_set_header If-Range …;", "proxy_cache …;"], write: ["proxy_cache off;"] }),
  head: () =>
    edit(app, {
      remove: ["if ($request_method …) {…}", "limit_except …{…}", "proxy_method …;", "proxy_cache …;"],
      write: ["proxy_cache off;"],
    }),
  compressed: (place) =>
    edit(files(place), { remove: ["gzip …;", "gzip_static …;", "brotli …;", "sub_filter …;"], write: ["gzip off;"] }),
  stale: (place) =>
    place.offloads
      ? edit(files(place), { remove: ["open_file_cache…;"], write: ["open_file_cache off;"] })
      : nginxRemedies.cached(place, { kind: "cached" }),
  cached: () =>
    edit(app, {
      remove: ["proxy_cache …;", "proxy_ignore_headers …Cache-Control…;"],
      write: ["proxy_cache off;"],
    }),
  "replaced-error": () => noReplacement(),
  missing: (place) =>
    place.offloads
      ? sentences(
          edit(files(place), {
            remove: ["error_page 404 …;", "try_files …;"],
            write: ["error_page 404 = @downloadview_missing;"],
          }),
          edit(serverBlock, {
            remove: ["location @downloadview_missing {…}"],
            write: ["location @downloadview_missing { add_header Cache-Control no-store always; return 404; }"],
          }),
        )
      : noReplacement(),
  unguarded: (place) => edit(files(place), { remove: ["if ($upstream_status …) {…}"], write: [guard] }),
  public: (place, { path, internal }) =>
    internal
      ? edit(files(place), {
          remove: ["internal;", "if ($upstream_status …) {…}"],
          write: ["internal;", guard],
        })
      : sentences(
          edit(serverBlock, { remove: [`location …${path} {…}`] }),
          `If there is no such location, remove the \`root\` that makes ${path} lead to the storage's folder.`,
        ),
  host: () => edit(app, { remove: ["proxy_set_header Host …;"], write: ["proxy_set_header Host $http_host;"] }),
  scheme: ({ scheme, tlsEndsBefore }) =>
    edit(app, {
      remove: ["proxy_set_header X-Forwarded-Proto …;"],
      write: [`proxy_set_header X-Forwarded-Proto ${tlsEndsBefore ? scheme : "$scheme"};`],
    }),
  buffered: () => streams(),
  truncated: () =>
    edit(app, {
      remove: ["proxy_http_version …;", "proxy_set_header Connection …;"],
      write: ["proxy_http_version 1.1;", 'proxy_set_header Connection "";'],
    }),
  spooled: () => edit(app, { remove: ["proxy_max_temp_file_size …;"], write: ["proxy_max_temp_file_size 0;"] }),
};

function fieldRemedy(place: Place, changes: readonly FieldChange[]): string {
  const names = changes.map(({ name }) => name);
  const caching = names.some((name) => name === "cache-control" || name === "expires") ? ["expires …;"] : [];
  const added = names.map((name) => `add_header ${spelled(name)} …;`);
  if (!place.offloads) {
    return edit(app, { remove: [...added, ...names.map((name) => `proxy_hide_header ${spelled(name)};`), ...caching] });
  }
  const lost = names.filter((name) => !kept.has(name));
  const write = lost.map((name) => `add_header ${spelled(name)} $upstream_http_${name.replaceAll("-", "_")} always;`);
  return sentences(
    edit(files(place), { remove: [...added, ...caching], write }),
    lost.length > 0 &&
      `\`downloadview config nginx\` prints these lines with \`nginx({ headers: ${JSON.stringify(lost.map(spelled))} })\`.`,
  );
}

function quoted(text: string): string {
  return /^[\w/.~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
