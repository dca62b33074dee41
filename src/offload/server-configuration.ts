import type { CompiledRule } from "./compiled-rule.ts";

/** The address at which the server reaches the application. */
export interface AppAddress {
  readonly tls: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The path of a Unix socket, used instead of host and port. */
  readonly socket?: string;
  /** Such as `http://127.0.0.1:3000`. Without a port if it is the default port of the scheme. */
  readonly origin: string;
}

/** The files of a certificate and its key, as the server sees them. */
export interface TLSFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The input of a generated configuration. */
export interface ServerConfiguration {
  /** The rules for this server, in order. */
  readonly rules: readonly CompiledRule[];
  readonly app: AppAddress;
  /** Where the server listens. An IPv6 address has its brackets; `*` is every address. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The host name that clients use. */
  readonly serverName: string;
  /** Undefined for plain HTTP. */
  readonly tls: TLSFiles | undefined;
  /** The server's PID file. Undefined for the server's default. */
  readonly pid: string | undefined;
  /** Whether to write only a part, to include in an existing configuration. */
  readonly part: boolean;
  /** Whether to write only the internal locations of the files, for a server block that already proxies the application. */
  readonly locations: boolean;
  /** The server asks the application before it sends a file by its public URL, instead of being told by a field. */
  readonly authRequest: boolean;
}

/** The server name if the configuration names none. */
export const defaultName = "localhost";

/** Returns the host as in a URL: an IPv6 address gets brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Removes the brackets of an IPv6 address. */
export function unbracketed(host: string): string {
  return host.replaceAll(/[[\]]/g, "");
}

/** Returns the folder in which the server finds the files of a rule. Undefined if the rule names no folder. */
export function folderOf({ rule }: CompiledRule): string | undefined {
  const folder = rule.destinationDir ?? rule.sourceDir;
  return folder === undefined ? undefined : folder.replace(/\/+$/, "");
}

/** Joins the lines of a configuration. Skips `false` and `undefined`. */
export function lines(...parts: readonly (string | false | undefined | readonly string[])[]): string {
  return parts
    .flat()
    .filter((part): part is string => typeof part === "string")
    .join("\n");
}

export function indented(text: string, indent: string): string {
  return text.replaceAll(/^(?=.)/gm, indent);
}
