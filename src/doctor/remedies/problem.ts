import type { ServerName } from "../../config/server-configuration.ts";

/** What became of a header field of the application. */
export interface FieldChange {
  /** Lower-case. */
  readonly name: string;
  readonly fate: "dropped" | "doubled" | "changed";
  /** The value that the client gets. Undefined if the field is dropped. */
  readonly value?: string;
}

/** What a server does wrong. Each kind has one remedy per server. */
export type Problem =
  /** The server does not act upon the offload field: clients get the field, or an empty body. */
  | { readonly kind: "not-enabled" }
  /** The server asks the application for the internal URL. */
  | { readonly kind: "no-location" }
  /** The server looks for the file in another folder. */
  | { readonly kind: "wrong-folder" }
  /** The server may not read the file: its configuration or the file system forbids it. */
  | { readonly kind: "denied"; readonly commands: readonly string[] }
  /** The server asks for a permission at the URL of the health check. */
  | { readonly kind: "locked"; readonly path: string }
  /** The server does not reach the application. */
  | { readonly kind: "no-application" }
  | { readonly kind: "fields"; readonly changes: readonly FieldChange[] }
  /** ETag or Last-Modified, in the field's own spelling. */
  | { readonly kind: "validators"; readonly names: readonly string[] }
  /** Some file names fail. `arrives`: whether the application gets the URL as the client wrote it. */
  | { readonly kind: "names"; readonly arrives: boolean }
  | { readonly kind: "not-modified" }
  | { readonly kind: "range" }
  | { readonly kind: "if-range" }
  | { readonly kind: "head" }
  | { readonly kind: "compressed" }
  /** The server sends an old version of a file. */
  | { readonly kind: "stale" }
  /** The server stores a response that is private. */
  | { readonly kind: "cached" }
  /** The server replaces an error of the application. */
  | { readonly kind: "replaced-error" }
  /** The server answers with another status than 404 if the file is missing there. */
  | { readonly kind: "missing" }
  /** The server sends a file that an error response names. */
  | { readonly kind: "unguarded" }
  /** Clients get the files at this path. `internal`: it is the internal URL of the rule. */
  | { readonly kind: "public"; readonly path: string; readonly internal: boolean }
  | { readonly kind: "host" }
  | { readonly kind: "scheme" }
  /** The server collects a stream before it sends it. */
  | { readonly kind: "buffered" }
  /** The server ends a broken stream as if it were complete. */
  | { readonly kind: "truncated" }
  /** The server stores what a slow client has not read yet. */
  | { readonly kind: "spooled" };

export type ProblemOf<K extends Problem["kind"]> = Extract<Problem, { readonly kind: K }>;

/** What the lines of a remedy depend on. */
export interface Place {
  /** Undefined if the server is unknown. */
  readonly server: ServerName | undefined;
  /** Whether the server sends the files itself. If not, it passes on what the application sends. */
  readonly offloads: boolean;
  /** The internal URL of the rule that was examined, with a slash at the end. */
  readonly location: string;
  /** The folder of that rule as the server sees it, without a slash at the end. */
  readonly folder: string;
  /** The folders of all rules of this server. */
  readonly folders: readonly string[];
  /** The origin of the application. */
  readonly app: string;
  /** The scheme that clients use. */
  readonly scheme: "http" | "https";
  /** Whether TLS ends before this server, so that its own scheme is not the clients'. */
  readonly tlsEndsBefore: boolean;
}

/** For each problem, the lines to remove and to write. */
export type ServerRemedies = {
  readonly [K in Problem["kind"]]: (place: Place, problem: ProblemOf<K>) => string;
};
