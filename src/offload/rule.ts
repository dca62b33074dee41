import type { OffloadBackend } from "./contract.ts";

/** Names the files that a server sends in the application's place, and where the server finds them. */
export interface OffloadRule {
  /** Captures files below this absolute local folder, from any view or storage. */
  readonly sourceDir?: string;
  /** Captures files whose `url` is below this: a path (`/media/`) or an absolute URL (`https://…/`). */
  readonly sourceUrl?: string;
  /** For nginx and h2o: the internal URL under which the server finds the files, such as `/_downloads/`. */
  readonly destinationUrl?: string;
  /**
   * For Apache, lighttpd and Caddy: the folder of the files, as the server sees it. For nginx and h2o, the generated
   * configuration uses it. Default there: `sourceDir`.
   */
  readonly destinationDir?: string;
  /** The server that sends these files. `"none"`: the application sends them. Default: `backend` of the middleware. */
  readonly backend?: OffloadBackend | "none";
  /** nginx: how long its cache stores the response, in seconds or until a date. `false`: not at all. Default: unset. */
  readonly expires?: number | Date | false;
  /** nginx: whether it buffers the response. Default: unset, so that nginx's configuration applies. */
  readonly withBuffering?: boolean;
  /** nginx: bytes per second for each response. `false`: no limit. Default: `limitRate` of the response. */
  readonly limitRate?: number | false;
  /**
   * nginx: whether it fetches each object from a URL that the storage signs, which travels in a header. The generated
   * configuration allows only the host of `sourceUrl`. `expiresIn` is in seconds, default 300. Default `false`.
   */
  readonly presigned?: boolean | { readonly expiresIn?: number };
}

/** The options that only some servers support. */
export type RuleOption = "expires" | "withBuffering" | "limitRate" | "presigned";

export const ruleOptions: readonly RuleOption[] = ["expires", "withBuffering", "limitRate", "presigned"];
