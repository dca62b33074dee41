import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import { compileRules } from "../offload/compiled-rule.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { Storage } from "../storages/storage.ts";

/** A file that is there to be asked for, see `HealthcheckDownloadView`. */
export interface HealthcheckConfig {
  /** The path of the URL at which the application serves it, such as `/healthcheck/download/`. */
  readonly url: string;
  /** The name, in {@link DownloadviewConfig.storages}, of the storage that it is in. */
  readonly storage: string;
  /** The folder in that storage that the doctor may write to. Default `downloadview-healthcheck`. */
  readonly folder?: string;
}

/** What the application, its server's configuration and the doctor have in common. */
export interface DownloadviewConfig {
  /** The server in front of the application, or `"none"`. */
  readonly backend?: OffloadBackend | "none";
  readonly rules: readonly OffloadRule[];
  readonly storages?: Readonly<Record<string, Storage>>;
  readonly healthcheck?: HealthcheckConfig;
  /** The application as the server reaches it. Default `http://127.0.0.1:3000`. */
  readonly app?: string;
  /** Where the server listens: a port, or an address with one. Default 80. */
  readonly listen?: number | string;
  readonly debug?: (message: string) => void;
}

/**
 * What goes into `downloadview.config.ts`: one set of rules for the application's middleware and for the command line.
 * @throws {ImproperlyConfiguredError} for a rule that cannot work
 *
 * @example
 * ```ts
 * import { FileSystemStorage, smartDownloadMiddleware } from "downloadview";
 * import { defineConfig } from "downloadview/config";
 * import { nginx } from "downloadview/nginx";
 *
 * const config = defineConfig({
 *   backend: nginx(),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 *   storages: { media: new FileSystemStorage("/srv/media") },
 *   healthcheck: { url: "/healthcheck/", storage: "media" },
 * });
 * console.assert(typeof smartDownloadMiddleware(config) === "function");
 * ```
 */
export function defineConfig<const C extends DownloadviewConfig>(config: C): C {
  compileRules(config.rules, config.backend);
  const { healthcheck, storages = {} } = config;
  if (healthcheck && !(healthcheck.storage in storages)) {
    throw new ImproperlyConfiguredError(
      `healthcheck.storage is ${JSON.stringify(healthcheck.storage)}, which is not one of the storages ` +
        `(${Object.keys(storages).join(", ") || "there are none"}): add it to storages`,
    );
  }
  if (healthcheck && !healthcheck.url.startsWith("/")) {
    throw new ImproperlyConfiguredError(
      `healthcheck.url is ${JSON.stringify(healthcheck.url)}: write the path alone, such as "/healthcheck/"`,
    );
  }
  return config;
}
