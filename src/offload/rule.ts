import type { OffloadBackend } from "./contract.ts";

/** Which files a server sends in the application's place, and where it finds them. */
export interface OffloadRule {
  /** Files below this absolute folder of this machine, whatever view or storage they come from. */
  readonly sourceDir?: string;
  /** Files whose storage, or whose own URL, is below this: the path of one (`/media/`), or all of it (`https://…/`). */
  readonly sourceUrl?: string;
  /** For nginx and h2o: the internal URL under which the server finds them, such as `/_downloads/`. */
  readonly destinationUrl?: string;
  /** For Apache, lighttpd and Caddy, and for the generated configuration: the same folder as the server sees it. */
  readonly destinationDir?: string;
  /** The server that this rule is for, if it is another one than the configuration's. `"none"`: the app streams. */
  readonly backend?: OffloadBackend | "none";
  /** nginx: how long its cache keeps the response, in seconds or until a date; `false` for not at all. */
  readonly expires?: number | Date | false;
  /** nginx: whether it buffers the response. */
  readonly withBuffering?: boolean;
  /** nginx: bytes a second for each client; `false` for no limit. */
  readonly limitRate?: number | false;
  /**
   * nginx: fetch each object by the URL that its storage signs, which travels in a header. The generated configuration
   * allows the host of `sourceUrl` alone.
   */
  readonly presigned?: boolean | { readonly expiresIn?: number };
}

/** What some servers understand of a rule, and others don't. */
export type RuleOption = "expires" | "withBuffering" | "limitRate" | "presigned";

export const ruleOptions: readonly RuleOption[] = ["expires", "withBuffering", "limitRate", "presigned"];
