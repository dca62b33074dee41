import { edit, run, sentences, spelled } from "./edit.ts";
import type { Place, ServerRemedies } from "./problem.ts";

const site = "the site";
const proxy = "`reverse_proxy`";
const handler = "the `handle_response` of the files";
const matcher = "the matcher of that `handle_response`";

function match({ folder }: Place): string {
  return edit(matcher, { remove: ["header X-Accel-Redirect …"], write: [`header X-Accel-Redirect "${folder}/*"`] });
}

function withoutRequestField(name: string): string {
  return sentences(
    edit(site, { remove: [`request_header …${name}…`] }),
    edit(proxy, { remove: [`header_up …${name}…`] }),
  );
}

function streams(): string {
  return edit(proxy, {
    remove: ["flush_interval …", "buffer_responses", "response_buffers …"],
    write: ["flush_interval -1"],
  });
}

/** Fields that `copy_response_headers` must leave out. */
const excluded = "X-Accel-Redirect Content-Length Accept-Ranges ETag Last-Modified Connection Keep-Alive Date";

export const caddyRemedies: ServerRemedies = {
  "not-enabled": (place) =>
    sentences(
      match(place),
      "If `reverse_proxy` has no `handle_response`, write what `downloadview config caddy --locations` prints into it.",
    ),
  "no-location": (place) => match(place),
  "wrong-folder": () =>
    edit(handler, {
      remove: ["root …", "rewrite …"],
      write: ["root * {rp.header.X-Accel-Redirect}", "rewrite * /"],
    }),
  denied: (_place, { commands }) =>
    commands.length > 0 ? run(commands) : edit(handler, { remove: ["respond …", "error …403"] }),
  locked: (_place, { path }) =>
    `In the site, exclude the health check from \`basic_auth\`, \`forward_auth\` and \`respond\`: write \`not path ${path}*\` ` +
    "into their matchers. The health check serves nothing but the doctor's files.",
  "no-application": ({ app }) =>
    `Caddy does not reach the application. ${edit(site, {
      replace: ["reverse_proxy … {", `reverse_proxy ${app} {`],
    })}`,
  fields: ({ offloads }, { changes }) => {
    const remove = changes.map(({ name }) => `header …${spelled(name)}…`);
    const down = changes.map(({ name }) => `header_down …${spelled(name)}…`);
    const copied = changes.some(({ fate }) => fate === "dropped");
    return sentences(
      edit(site, { remove }),
      edit(proxy, { remove: down }),
      offloads &&
        copied &&
        edit(handler, {
          remove: ["copy_response_headers {…}", "copy_response_headers"],
          write: ["copy_response_headers {", `exclude ${excluded}`, "}"],
        }),
    );
  },
  validators: ({ offloads }, { names }) =>
    sentences(
      edit(site, { remove: names.map((name) => `header …${name}…`) }),
      offloads &&
        edit(handler, {
          write: [
            "header {",
            "defer",
            ...names.map((name) => `${name} {rp.header.${name === "ETag" ? "Etag" : name}}`),
            "}",
          ],
        }),
    ),
  names: () => edit(site, { remove: ["uri …", "rewrite …"] }),
  "not-modified": () => withoutRequestField("If-None-Match"),
  range: () => withoutRequestField("Range"),
  "if-range": () => withoutRequestField("If-Range"),
  head: () =>
    sentences(edit(site, { remove: ["@… method …HEAD…", "respond @…"] }), edit(handler, { remove: ["method * GET"] })),
  compressed: () => edit(site, { remove: ["encode …{…}", "encode …"] }),
  stale: () => edit(site, { remove: ["cache…{…}", "cache…"] }),
  cached: () => edit(site, { remove: ["cache…{…}", "cache…"] }),
  "replaced-error": () =>
    sentences(
      edit(proxy, { remove: ["@error status …", "handle_response @error {…}"] }),
      "Such a block may have another name: its matcher is on the status of an error.",
    ),
  missing: () =>
    edit("`handle_errors`", {
      remove: ["rewrite …", "file_server…", "respond …"],
      write: ['respond "{err.status_code} {err.status_text}" {err.status_code}'],
    }),
  unguarded: () =>
    sentences(edit(matcher, { write: ["status 200"] }), edit(proxy, { write: ["header_down -X-Accel-Redirect"] })),
  public: (_place, { path }) =>
    sentences(
      edit(site, { remove: [`handle_path ${path}* {…}`, `handle ${path}* {…}`, `route ${path}* {…}`] }),
      "If there is none of them, remove the `root` and `file_server` that make the path lead to the storage's folder.",
    ),
  host: () =>
    sentences(edit(site, { remove: ["request_header Host …"] }), edit(proxy, { remove: ["header_up Host …"] })),
  scheme: ({ scheme, tlsEndsBefore }) =>
    edit(proxy, {
      remove: ["header_up …X-Forwarded-Proto…", "trusted_proxies …"],
      ...(tlsEndsBefore ? { write: [`header_up X-Forwarded-Proto ${scheme}`] } : {}),
    }),
  buffered: () => streams(),
  truncated: () => streams(),
  spooled: () => streams(),
};
