import type { CompiledRule } from "./compiled-rule.ts";

/** What a server's configuration is generated from. */
export interface ServerConfiguration {
  /** The rules for this server, in order. */
  readonly rules: readonly CompiledRule[];
  /** The application, such as `http://127.0.0.1:3000`. */
  readonly app: URL;
  /** Where the server listens. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Only what goes into a configuration that there is already. */
  readonly part: boolean;
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
