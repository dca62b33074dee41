import { sentences, spelled } from "./edit.ts";
import type { ServerRemedies } from "./problem.ts";

const errors = "Let the server pass errors of the application on as they are.";
const cache = "Let no cache store responses that have `Cache-Control: private`.";

/** For a server that is not known, in HTTP's words. */
export const unknownRemedies: ServerRemedies = {
  "not-enabled": () => "Let the request go through the server that the rules are for.",
  "no-location": ({ location }) => `Give the server a location for ${location}.`,
  "wrong-folder": ({ folder }) => `Let the server look for the files in ${folder}.`,
  denied: () => "Let the server read the file.",
  locked: (_place, { path }) =>
    `Let the server ask for no permission at ${path}. The health check serves nothing but the doctor's files.`,
  "no-application": ({ app }) => `Let the server pass requests to ${app}.`,
  fields: (_place, { changes }) =>
    `Let the server pass on ${changes.map(({ name }) => spelled(name)).join(", ")} as the application sent it.`,
  validators: (_place, { names }) => `Let the server pass on ${names.join(" and ")} unchanged.`,
  names: () => "Let the server pass on the path of the URL as the client wrote it, with its query.",
  "not-modified": () => "Let the server pass If-None-Match on to the application, and its 304 to the client.",
  range: () => "Let the server pass Range on to the application, and its 206 to the client.",
  "if-range": () => "Let the server pass If-Range on to the application.",
  head: () => "Let the server pass HEAD on as HEAD.",
  compressed: () => "Let the server not compress downloads.",
  stale: () => cache,
  cached: () => cache,
  "replaced-error": () => errors,
  missing: () => errors,
  unguarded: () => "Let the server send a file only if the application answers 200.",
  public: (_place, { path }) => `Remove what makes ${path} lead to the storage's folder.`,
  host: () => "Let the server pass on the client's Host.",
  scheme: ({ scheme }) => `Let the server set X-Forwarded-Proto to ${scheme}, whatever the client sends.`,
  buffered: () => "Let the server send bytes to the client as they arrive.",
  truncated: () =>
    sentences("Let the server speak HTTP/1.1 with the application, and close the connection if a response breaks off."),
  spooled: () => "Let the server read from the application no faster than the client reads.",
};
