import { edit, run, sentences, spelled } from "./edit.ts";
import type { Place, ServerRemedies } from "./problem.ts";

const path = "the path of the application";
const files = "the host `downloadview-files`";
const top = "the configuration";

const generated =
  "Write the hosts `downloadview` and `downloadview-files` as `downloadview config h2o --locations` prints them.";

/** h2o answers 404 for a wrong path and for a wrong folder. */
function folder(place: Place): string {
  return sentences(
    edit(files, { replace: ['"/…":', `"${place.location}":`] }),
    edit(files, { replace: ["file.dir: …", `file.dir: "${place.folder}/"`] }),
    "With several rules, change the path and the folder of this one.",
  );
}

function withoutField(names: readonly string[]): string {
  return edit(path, { remove: names.flatMap((name) => [`header.…${name}…`]) });
}

export const h2oRemedies: ServerRemedies = {
  "not-enabled": () => edit(path, { remove: ["reproxy: …"], write: ["reproxy: ON"] }),
  "no-location": (place) => folder(place),
  "wrong-folder": (place) => sentences(folder(place), "The folder must be the one of the storage as h2o sees it."),
  denied: (place, { commands }) => (commands.length > 0 ? run(commands) : folder(place)),
  locked: ({ app }, { path: url }) =>
    `In the host that clients reach, write a path \`"${url}":\` with the lines of the application's path and without the ` +
    `\`mruby.handler\` that asks for a permission. It needs \`proxy.reverse.url: "${app}${url}"\`.`,
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
      : sentences(
          edit("the host that clients reach", { remove: [`"${url}": {…}`] }),
          "`{…}` stands for the indented lines below it.",
        ),
  host: () => edit(path, { remove: ["proxy.preserve-host: …"], write: ["proxy.preserve-host: ON"] }),
  scheme: ({ tlsEndsBefore }) =>
    tlsEndsBefore
      ? edit(top, { write: ["proxy.preserve-x-forwarded-proto: ON"] })
      : edit(top, { remove: ["proxy.preserve-x-forwarded-proto: …"] }),
  buffered: () => edit(path, { remove: ["proxy.…buffer…"] }),
  truncated: () => "h2o has no setting for it: declare the length of generated files.",
  spooled: () => "h2o has no setting for it.",
};
