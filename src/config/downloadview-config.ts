import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import { compileRules } from "../offload/compiled-rule.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { Storage } from "../storages/storage.ts";

/** Where `HealthcheckDownloadView` serves the file that the doctor downloads. */
export interface HealthcheckConfig {
  /** The path of the URL at which the application serves it, such as `/healthcheck/download/`. */
  readonly url: string;
  /** The name of its storage in {@link DownloadviewConfig.storages}. */
  readonly storage: string;
  /** The folder in that storage that the doctor may write to. Default `downloadview-healthcheck`. */
  readonly folder?: string;
}

/** The settings that the application, its server's configuration and the doctor share. */
export interface DownloadviewConfig {
  /** The server in front of the application. `"none"`: the application sends every file itself. */
  readonly backend?: OffloadBackend | "none";
  /** The files that the server sends. The first rule that matches wins. */
  readonly rules: readonly OffloadRule[];
  /** Storages by name, for `healthcheck` and for rules that have a `sourceUrl` but no folder. Default: none. */
  readonly storages?: Readonly<Record<string, Storage>>;
  /** Default: the doctor downloads no file. */
  readonly healthcheck?: HealthcheckConfig;
  /** The URL at which the server reaches the application. Default `http://127.0.0.1:3000`. */
  readonly app?: string;
  /** Where the server listens: a port, or an address with a port. Default 80, with TLS 443. */
  readonly listen?: number | string;
  /** Called once, when no rule matches a file. Default: the debug log of Node, with `NODE_DEBUG=downloadview`. */
  readonly debug?: (message: string) => void;
}

/**
 * Checks the content of `downloadview.config.ts`, which the application's middleware and the command line share.
 * @returns `config` itself
 * @throws {ImproperlyConfiguredError} if a rule can never work, or `healthcheck` names no storage or is not a path
 *
 * @example
 * ```ts
 * import { download, FileSystemStorage, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { defineConfig } from "downloadview/config";
 * import { nginx } from "downloadview/nginx";
 *
 * const config = defineConfig({
 *   backend: nginx(),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 *   storages: { media: new FileSystemStorage("/srv/media") },
 *   healthcheck: { url: "/healthcheck/", storage: "media" },
 * });
 * const middleware = smartDownloadMiddleware(config);
 * const result = await middleware(download(new LocalFile("/srv/media/a.pdf")), new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Accel-Redirect") === "/_downloads/a.pdf");
 * ```
 */
export function defineConfig<const C extends DownloadviewConfig>(config: C): C {
  compileRules(config.rules, config.backend);
  const { healthcheck, storages = {} } = config;
  if (healthcheck && !(healthcheck.storage in storages)) {
    throw new ImproperlyConfiguredError(
      `healthcheck.storage must be the name of a storage (${Object.keys(storages).join(", ") || "there are none"}), ` +
        `got ${JSON.stringify(healthcheck.storage)}. Add it to storages`,
    );
  }
  if (healthcheck && !healthcheck.url.startsWith("/")) {
    throw new ImproperlyConfiguredError(
      `healthcheck.url must be a path, such as "/healthcheck/", got ${JSON.stringify(healthcheck.url)}`,
    );
  }
  return config;
}
