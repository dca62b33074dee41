import { ImproperlyConfiguredError } from "../errors.ts";
import { apache } from "../offload/apache/index.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import { caddy } from "../offload/caddy/index.ts";
import { compileRules, type CompiledRule } from "../offload/compiled-rule.ts";
import { h2o } from "../offload/h2o/index.ts";
import { lighttpd } from "../offload/lighttpd/index.ts";
import { nginx } from "../offload/nginx/index.ts";
import { locateUrl, segmentsBelow } from "../offload/path-prefix.ts";
import type { OffloadRule } from "../offload/rule.ts";
import { defaultName, folderOf, type AppAddress, type TLSFiles } from "../offload/server-configuration.ts";
import type { Storage } from "../storages/storage.ts";
import type { DownloadviewConfig } from "./downloadview-config.ts";

/** A server for which {@link serverConfiguration} can write the configuration. */
export type ServerName = "nginx" | "apache" | "lighttpd" | "caddy" | "h2o";

const servers: Readonly<Record<ServerName, () => OffloadBackend>> = { nginx, apache, lighttpd, caddy, h2o };

export const serverNames: readonly ServerName[] = Object.keys(servers) as ServerName[];

export interface ServerConfigurationOptions {
  /**
   * The URL at which the server reaches the application, such as `http://127.0.0.1:3000`, `https://app.internal`,
   * `http://[::1]:3000` or `unix:/run/app.sock`. Default: `app` of the configuration.
   */
  readonly app?: string;
  /** Where the server listens. Default: `listen` of the configuration, or else 80, with `tls` 443. */
  readonly listen?: number | string;
  /** The host name that clients use. Default `localhost`, which stands for any. */
  readonly serverName?: string;
  /** The files of the certificate and its key, as the server sees them. Default: plain HTTP. */
  readonly tls?: TLSFiles;
  /** The server's PID file. Default: the server's default. */
  readonly pid?: string;
  /** Writes only a part, to include in an existing configuration: for nginx, inside `http { }`. Default false. */
  readonly part?: boolean;
  /** Writes only the internal locations of the files, for a server block that already proxies the application. Default false. */
  readonly locations?: boolean;
  /**
   * nginx and Caddy: the server sends the files of each rule under its `sourceUrl`, and asks the application first, at
   * `/_downloadview/authorize`, where `authorizeDownloads()` answers.
   */
  readonly authRequest?: boolean;
}

/**
 * Writes the configuration with which a server follows the rules. By default it is complete: the server can start with it.
 * @throws {ImproperlyConfiguredError} if an option is invalid, or this server cannot follow a rule
 *
 * @example
 * ```ts
 * import { defineConfig, serverConfiguration } from "downloadview/config";
 * import { nginx } from "downloadview/nginx";
 *
 * const config = defineConfig({
 *   backend: nginx(),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 * });
 * console.assert(serverConfiguration("nginx", config).includes("alias /srv/media/;"));
 * ```
 */
export function serverConfiguration(
  name: ServerName,
  config: DownloadviewConfig,
  options: ServerConfigurationOptions = {},
): string {
  const backend = backendNamed(name, config);
  if (options.authRequest && name !== "nginx" && name !== "caddy") {
    throw new ImproperlyConfiguredError(`${name} can't ask the application before it sends a file: use nginx or caddy`);
  }
  return backend.configuration({
    rules: distinct(compileRules(rulesFor(name, config), backend), backend),
    app: parseApp(options.app ?? config.app ?? "http://127.0.0.1:3000"),
    listen: parseListen(options.listen ?? config.listen ?? (options.tls ? 443 : 80)),
    serverName: parseName(options.serverName ?? defaultName),
    tls: options.tls,
    pid: options.pid,
    part: options.part ?? false,
    locations: options.locations ?? false,
    authRequest: options.authRequest ?? false,
  });
}

function backendNamed(name: ServerName, { backend, rules }: DownloadviewConfig): OffloadBackend {
  const all = [backend, ...rules.map((rule) => rule.backend)];
  const own = all.find((one): one is OffloadBackend => typeof one === "object" && one.name === name);
  return own ?? servers[name]();
}

/** Returns the rules of this server. If it has none, returns the rules without a `backend`. */
function rulesFor(name: ServerName, { backend, rules, storages = {} }: DownloadviewConfig): OffloadRule[] {
  const own = rules.filter((rule) => nameOf(rule.backend ?? backend) === name);
  const common = rules.filter((rule) => rule.backend === undefined);
  return (own.length > 0 ? own : common).map((rule) => placed(rule, Object.values(storages)));
}

function nameOf(backend: OffloadBackend | "none" | undefined): string | undefined {
  return typeof backend === "object" ? backend.name : backend;
}

/** Adds the folder to a rule that has a `sourceUrl` only: the storage with that URL knows the folder. */
function placed(rule: OffloadRule, storages: readonly Storage[]): OffloadRule {
  if (rule.sourceUrl === undefined || rule.sourceDir !== undefined || rule.destinationDir !== undefined) return rule;
  const destinationDir = storages.map((storage) => folderAt(storage, rule.sourceUrl ?? "")).find(Boolean);
  return destinationDir === undefined ? rule : { ...rule, destinationDir };
}

function folderAt(storage: Storage, sourceUrl: string): string | undefined {
  const probe = "x";
  const url = storage.url?.(probe);
  const path = storage.path?.(probe);
  const [prefix, location] = [locateUrl(sourceUrl), typeof url === "string" ? locateUrl(url) : undefined];
  if (path === undefined || !prefix || !location || segmentsBelow(prefix, location)?.length !== 1) return undefined;
  return path.slice(0, -probe.length);
}

/** Removes rules with a destination that an earlier rule has. One destination cannot lead to two folders. */
function distinct(rules: readonly CompiledRule[], backend: OffloadBackend): readonly CompiledRule[] {
  rules.forEach((rule, at) => checkFolder(rule, backend, at));
  return rules.filter((rule, at) => {
    const first = rules.findIndex((other) => other.destination === rule.destination);
    const [one, other] = [folderOf(rules[first] ?? rule), folderOf(rule)];
    if (one !== other) {
      throw new ImproperlyConfiguredError(
        `Offload rules ${first} and ${at} have the same destination ${rule.destination}/, but the folders ${one} and ` +
          `${other}. Write a different destination for each`,
      );
    }
    return first === at;
  });
}

function checkFolder(rule: CompiledRule, { name }: OffloadBackend, at: number): void {
  const remote = rule.sourceUrl !== undefined && rule.sourceUrl.origin !== "";
  if (folderOf(rule) !== undefined || (remote && name === "nginx")) return;
  throw new ImproperlyConfiguredError(
    `Offload rule ${at}: ${name} needs the folder of the files. Write destinationDir: "/srv/media", ` +
      "or add the storage that has the URL to storages",
  );
}

/** Parses `http://127.0.0.1:3000`, `https://app.internal`, `http://[::1]:3000` or `unix:/run/app.sock`. */
function parseApp(app: string): AppAddress {
  const [, socket] = /^unix:(\/[^\0-\x20|;{}"'\\]+)$/.exec(app) ?? [];
  if (socket !== undefined) return { tls: false, hostname: "localhost", port: 80, socket, origin: "http://localhost" };
  const url = /^https?:\/\//i.test(app) && URL.canParse(app) ? new URL(app) : undefined;
  if (url === undefined) throw wrongApp(app, "must be a URL, for example http://127.0.0.1:3000, or unix:/run/app.sock");
  if (url.username || url.password || url.search || url.hash) throw wrongApp(app, "must be only scheme, host and port");
  if (url.pathname !== "/") {
    throw wrongApp(app, "must have no path: the server passes paths on as they are, so mount the application at /");
  }
  const tls = url.protocol === "https:";
  const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
  return { tls, hostname: url.hostname.replaceAll(/[[\]]/g, ""), port, origin: url.origin };
}

function wrongApp(app: string, fault: string): ImproperlyConfiguredError {
  return new ImproperlyConfiguredError(`app ${fault} (got ${JSON.stringify(app)})`);
}

function parseName(name: string): string {
  if (/^[\w*.-]+$/.test(name)) return name;
  throw new ImproperlyConfiguredError(
    `serverName must be one host name, such as files.example, got ${JSON.stringify(name)}`,
  );
}

/** Parses `8080`, `127.0.0.1:8080` or `[::1]:8080`. Without an address, the server listens on all. */
function parseListen(listen: number | string): { host: string; port: number } {
  const [, host, port] = /^(?:(.+):)?(\d{1,5})$/.exec(String(listen)) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new ImproperlyConfiguredError(
      `listen must be a port, or an address with a port, such as "127.0.0.1:8080", got ${JSON.stringify(listen)}`,
    );
  }
  return { host: host ?? "*", port: Number(port) };
}
