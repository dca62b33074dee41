import type { CompiledRule } from "./compiled-rule.ts";

/** The application as a server reaches it. */
export interface AppAddress {
  readonly tls: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The path of a Unix socket, in place of host and port. */
  readonly socket?: string;
  /** Such as `http://127.0.0.1:3000`, always with the port if it is not the scheme's own. */
  readonly origin: string;
}

/** The files of a certificate and its key, as the server sees them. */
export interface TLSFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What a server's configuration is generated from. */
export interface ServerConfiguration {
  /** The rules for this server, in order. */
  readonly rules: readonly CompiledRule[];
  readonly app: AppAddress;
  /** Where the server listens. An IPv6 address has its brackets; `*` is every address. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The name that clients know the server by. */
  readonly serverName: string;
  /** Undefined for plain HTTP. */
  readonly tls: TLSFiles | undefined;
  /** The file for the number of the server's process. Undefined: the server's own default. */
  readonly pid: string | undefined;
  /** Only what goes into a configuration that there is already. */
  readonly part: boolean;
  /** Only the internal places of the files, for a server block that leads to the application already. */
  readonly locations: boolean;
}

/** The name of a server that was not named. */
export const defaultName = "localhost";

/** A host as it stands in a URL: an IPv6 address in brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** An address to listen on, without brackets. */
export function unbracketed(host: string): string {
  return host.replaceAll(/[[\]]/g, "");
}

/** The folder in which the server finds the files of a rule. */
export function folderOf({ rule }: CompiledRule): string | undefined {
  const folder = rule.destinationDir ?? rule.sourceDir;
  return folder === undefined ? undefined : folder.replace(/\/+$/, "");
}

/** The lines of a configuration, without those that do not apply. */
export function lines(...parts: readonly (string | false | undefined | readonly string[])[]): string {
  return parts
    .flat()
    .filter((part): part is string => typeof part === "string")
    .join("\n");
}

export function indented(text: string, indent: string): string {
  return text.replaceAll(/^(?=.)/gm, indent);
}
