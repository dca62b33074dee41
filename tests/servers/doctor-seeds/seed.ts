import type { ServerName } from "downloadview/config";
import type { Side } from "downloadview/doctor";

/** A generated configuration that is spoiled on purpose, and the one failure that the doctor must report. */
export interface Seed {
  /** Text of the generated configuration. `ROOT` stands for the storage's folder, `APP` and `PORT` for the application. */
  readonly from: string;
  readonly to: string;
  /** The check that fails. Undefined: the change is harmless, and the doctor must find nothing. */
  readonly fails?: string;
  /** Default `proxy`. */
  readonly side?: Side;
  /** Modules that the change needs. */
  readonly modules?: readonly string[];
  /** Servers of other labels only, such as `caddy` for the one of Debian 12. Default: all of this name. */
  readonly only?: RegExp;
}

export type Seeds = Readonly<Record<ServerName, readonly Seed[]>>;
