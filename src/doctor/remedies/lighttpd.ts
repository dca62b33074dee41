import { edit, run, sentences, spelled } from "./edit.ts";
import type { Place, ServerRemedies } from "./problem.ts";

const configuration = "the configuration";
const proxy = "the `proxy.server` of the application";

function docroot({ folders }: Place): string {
  const all = folders.map((folder) => `"${folder}/"`).join(", ");
  return edit(proxy, {
    remove: ['"x-sendfile-docroot" => …)'],
    write: [`"x-sendfile-docroot" => ( ${all} )`],
  });
}

function withoutRequestField(name: string): string {
  return edit(configuration, { remove: [`setenv.…-request-header …"${name}"…`] });
}

function streams(): string {
  return edit(configuration, {
    remove: ["server.stream-response-body …"],
    write: ["server.stream-response-body = 2"],
  });
}

function noReplacement(): string {
  return edit(configuration, {
    remove: ["server.error-handler…", "server.error-intercept …", "server.errorfile-prefix …"],
  });
}

function fresh(): string {
  return edit(configuration, {
    remove: ["server.stat-cache-engine …"],
    write: ['server.stat-cache-engine = "disable"'],
  });
}

export const lighttpdRemedies: ServerRemedies = {
  "not-enabled": () => edit(proxy, { remove: ['"x-sendfile" => …,'], write: ['"x-sendfile" => "enable",'] }),
  "no-location": (place) => docroot(place),
  "wrong-folder": (place) =>
    sentences(docroot(place), "The folder must be the one of the storage as lighttpd sees it."),
  denied: (place, { commands }) => (commands.length > 0 ? run(commands) : docroot(place)),
  locked: (_place, { path }) =>
    sentences(
      edit(configuration, {
        write: [
          `$HTTP["url"] =~ "^${path}" { auth.require = () }`,
          `$HTTP["url"] =~ "^${path}" { url.access-deny = () }`,
        ],
      }),
      "The health check serves nothing but the doctor's files.",
    ),
  "no-application": ({ app }) => {
    const { hostname, port } = new URL(app);
    return `lighttpd does not reach the application. ${edit(proxy, {
      remove: ['"host" => …,', '"port" => …,'],
      write: [`"host" => "${hostname}", "port" => ${port || 80},`],
    })}`;
  },
  fields: (_place, { changes }) =>
    edit(configuration, {
      remove: [
        ...changes.map(({ name }) => `setenv.…-response-header …"${spelled(name)}"…`),
        ...(changes.some(({ name }) => name === "cache-control" || name === "expires") ? ["expire.…"] : []),
      ],
    }),
  validators: (_place, { names }) =>
    edit(configuration, { remove: names.map((name) => `setenv.…-response-header …"${name}"…`) }),
  names: () =>
    edit(configuration, {
      remove: ["url.rewrite…", "server.http-parseopts = (…)"],
      write: [
        'server.http-parseopts = ( "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable", ' +
          '"url-normalize" => "enable", "url-normalize-unreserved" => "enable", "url-path-dotseg-remove" => "enable", ' +
          '"url-ctrls-reject" => "disable" )',
      ],
    }),
  "not-modified": () => withoutRequestField("If-None-Match"),
  range: () =>
    edit(configuration, {
      remove: ["server.range-requests …", 'setenv.…-request-header …"Range"…'],
      write: ['server.range-requests = "enable"'],
    }),
  "if-range": () => withoutRequestField("If-Range"),
  head: () => edit(configuration, { remove: ['$HTTP["request-method"] …{…}'] }),
  compressed: () =>
    edit(configuration, { remove: ["deflate.mimetypes …", "compress.filetype …"], write: ["deflate.mimetypes = ()"] }),
  stale: () => fresh(),
  cached: () => fresh(),
  "replaced-error": () => noReplacement(),
  missing: () => noReplacement(),
  unguarded: () => "lighttpd has no setting for it: only this package may set X-Sendfile.",
  public: (_place, { path }) =>
    sentences(
      edit(configuration, { remove: [`alias.url …"${path}"…`, `alias.url …"${path.replace(/\/$/, "")}"…`] }),
      "If there is no such line, remove the `server.document-root` that makes the path lead to the storage's folder.",
    ),
  host: () => edit(configuration, { remove: ['setenv.…-request-header …"Host"…', "proxy.header …host-request…"] }),
  scheme: () => edit(configuration, { remove: ['setenv.…-request-header …"X-Forwarded-Proto"…', "proxy.forwarded …"] }),
  buffered: () => streams(),
  truncated: () => streams(),
  spooled: () => streams(),
};
