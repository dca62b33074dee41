import { edit, run, sentences, spelled } from "./edit.ts";
import type { Place, ServerRemedies } from "./problem.ts";

const path = "the path of the application";
const files = "the host `downloadview-files`";
const top = "the configuration";

const generated =
  "Write the hosts `downloadview` and `downloadview-files` as `downloadview config h2o --locations` prints them.";

function folder(place: Place): string {
  return edit(files, { remove: ["file.dir: …"], write: [`file.dir: "${place.folder}/"`] });
}

function withoutField(names: readonly string[]): string {
  return edit(path, { remove: names.flatMap((name) => [`header.…${name}…`]) });
}

export const h2oRemedies: ServerRemedies = {
  "not-enabled": () => edit(path, { remove: ["reproxy: …"], write: ["reproxy: ON"] }),
  "no-location": ({ location }) =>
    `In ${files}, name the path of this rule \`"${location}":\`. If it has none, write what ` +
    "`downloadview config h2o --locations` prints.",
  "wrong-folder": (place) =>
    sentences(
      folder(place),
      `Its path must be named \`"${place.location}":\`.`,
      "The folder must be the one of the storage as h2o sees it.",
    ),
  denied: (place, { commands }) => (commands.length > 0 ? run(commands) : folder(place)),
  "no-application": ({ app }) =>
    `h2o does not reach the application. ${edit(path, {
      remove: ["proxy.reverse.url: …"],
      write: [`proxy.reverse.url: "${app}/"`],
    })}`,
  fields: (_place, { changes }) => withoutField(changes.map(({ name }) => spelled(name))),
  validators: ({ offloads }, { names }) => sentences(withoutField(names), offloads && generated),
  names: ({ app }) => edit(path, { remove: ["proxy.reverse.url: …"], write: [`proxy.reverse.url: "${app}/"`] }),
  "not-modified": () => withoutField(["If-None-Match"]),
  range: ({ offloads }) => (offloads ? generated : withoutField(["Range"])),
  "if-range": ({ offloads }) => (offloads ? generated : withoutField(["If-Range"])),
  head: () => edit(path, { remove: ["mruby.handler: …"] }),
  compressed: () => edit(path, { remove: ["compress: …"], write: ["compress: OFF"] }),
  stale: () => edit(files, { remove: ["file.…cache…"] }),
  cached: () => edit(path, { remove: ["cache…"] }),
  "replaced-error": () => edit(top, { remove: ["error-doc: …"] }),
  missing: ({ offloads }) => (offloads ? generated : edit(top, { remove: ["error-doc: …"] })),
  unguarded: () => "h2o has no setting for it: only this package may set X-Reproxy-URL.",
  public: (_place, { path: url, internal }) =>
    internal
      ? "In the configuration, write `listen` into each host and not above them: the hosts `downloadview` and " +
        "`downloadview-files` listen on their sockets alone."
      : edit("the host that clients reach", { remove: [`"${url}": {…}`] }),
  host: () => edit(path, { remove: ["proxy.preserve-host: …"], write: ["proxy.preserve-host: ON"] }),
  scheme: ({ tlsEndsBefore }) =>
    tlsEndsBefore
      ? edit(top, { write: ["proxy.preserve-x-forwarded-proto: ON"] })
      : edit(top, { remove: ["proxy.preserve-x-forwarded-proto: …"] }),
  buffered: () => edit(path, { remove: ["proxy.…buffer…"] }),
  truncated: () => "h2o has no setting for it: declare the length of generated files.",
  spooled: () => "h2o has no setting for it.",
};
