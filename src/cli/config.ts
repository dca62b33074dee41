import { access, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type * as Jiti from "jiti";
import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { serverConfiguration, serverNames, type ServerName } from "../config/server-configuration.ts";
import type { TLSFiles } from "../offload/server-configuration.ts";
import { exitCode, UsageError, type CommandIO } from "./signing-options.ts";

export const configHelp: string = `downloadview config SERVER [options]

Prints the configuration of a server (${serverNames.join(", ")}) for the rules of
downloadview.config.ts: all that it needs to run.

  --part               only what goes into a configuration that there is already
  --locations          only the internal places of the files, for a server block that you have, with the
                       lines that your own location of the application needs
  --auth-request       nginx and caddy: the server asks the application, at /_downloadview/authorize, before it
                       sends a file of a rule under the rule's sourceUrl; nginx: an object of a presigned
                       rule under its destinationUrl
  --app URL            the application as the server reaches it: http://127.0.0.1:3000, https://app.internal,
                       http://[::1]:3000, unix:/run/app.sock (default: app of the configuration,
                       else http://127.0.0.1:3000)
  --listen ADDRESS     where the server listens: 8080, 127.0.0.1:8080 or [::1]:8080 (default: listen of the
                       configuration, else 80, with a certificate 443)
  --server-name NAME   the host that clients ask for (default: any)
  --certificate FILE   serve TLS with this certificate, and with the key of --key
  --key FILE
  --pid FILE           the file for the number of the server's process
  --output FILE        write to FILE instead; it stays as it is if there is an error
  --check FILE         print nothing if FILE is what would be printed; else the first difference
  --config FILE        another file than downloadview.config.ts

Exit code: 0, 1 if --check finds a difference, 2 for invalid arguments or an invalid configuration.
`;

/**
 * Runs `downloadview config`.
 * @returns the exit code: 0, 1 if a checked file differs, or 2 for invalid arguments or an invalid configuration
 */
export function runConfig(args: readonly string[], io: CommandIO, folder: string = process.cwd()): Promise<number> {
  return exitCode(io, "config", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        app: { type: "string" },
        "auth-request": { type: "boolean", default: false },
        certificate: { type: "string" },
        check: { type: "string" },
        config: { type: "string" },
        help: { type: "boolean", short: "h" },
        key: { type: "string" },
        listen: { type: "string" },
        locations: { type: "boolean", default: false },
        part: { type: "boolean", default: false },
        output: { type: "string" },
        pid: { type: "string" },
        "server-name": { type: "string" },
      },
    });
    if (values.help) {
      io.stdout(configHelp);
      return 0;
    }
    const { app, check, listen, locations, output, part, pid, "server-name": serverName } = values;
    if (check !== undefined && output !== undefined) throw new UsageError("Give --check or --output, not both");
    const tls = tlsFiles(values.certificate, values.key);
    const authRequest = values["auth-request"];
    const options = { part, locations, authRequest, ...defined({ app, listen, pid, serverName, tls }) };
    const text = serverConfiguration(onlyServer(positionals), await loadConfig(values.config, folder), options);
    if (check === undefined) {
      if (output === undefined) io.stdout(text);
      else await writeFile(resolve(folder, output), text);
      return 0;
    }
    const difference = differenceOf(await readFile(resolve(folder, check), "utf8"), text);
    if (difference !== undefined) io.stdout(`${check} is not what \`downloadview config\` prints. ${difference}\n`);
    return difference === undefined ? 0 : 1;
  });
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function tlsFiles(certificate: string | undefined, key: string | undefined): TLSFiles | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  throw new UsageError("--certificate and --key are only allowed together");
}

/** Returns the first line in which two texts differ. */
function differenceOf(actual: string, expected: string): string | undefined {
  const [has, wanted] = [actual, expected].map((text) => text.trimEnd().split(/\r?\n/)) as [string[], string[]];
  const at = Array.from({ length: Math.max(has.length, wanted.length) }, (_, index) => index).find(
    (index) => has[index] !== wanted[index],
  );
  if (at === undefined) return undefined;
  return `Line ${at + 1}:\n- ${has[at] ?? "(missing)"}\n+ ${wanted[at] ?? "(nothing)"}`;
}

function onlyServer([name, ...others]: readonly string[]): ServerName {
  const known = serverNames.find((one) => one === name);
  if (known === undefined || others.length > 0) throw new UsageError(`Give one of ${serverNames.join(", ")}`);
  return known;
}

/** File names of a configuration, in the order in which they are looked for. */
const configNames = [
  "downloadview.config.ts",
  "downloadview.config.mts",
  "downloadview.config.js",
  "downloadview.config.mjs",
];

/**
 * Loads the configuration of a project: what its `downloadview.config.ts` exports by default, or as `config`.
 * @throws {UsageError} if the module has no such export
 */
export async function loadConfig(path: string | undefined, folder: string): Promise<DownloadviewConfig> {
  const file = path === undefined ? await find(folder) : resolve(folder, path);
  const exported = await importConfig(file);
  const config = exported["default"] ?? exported["config"];
  if (typeof config === "object" && config !== null && "rules" in config) return config as DownloadviewConfig;
  throw new UsageError(`${file} exports no configuration: write export default defineConfig({ … })`);
}

async function find(folder: string): Promise<string> {
  for (const name of configNames) {
    const file = resolve(folder, name);
    if (await exists(file)) return file;
  }
  throw new UsageError(`There is no ${configNames[0]} in ${folder}: write one, or name it with --config`);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function importConfig(file: string): Promise<Record<string, unknown>> {
  if (!(await exists(file))) throw new UsageError(`There is no ${file}`);
  if (!/\.[cm]?ts$/.test(file) || (process.features as { typescript?: unknown }).typescript) {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  }
  const { createJiti } = await importJiti(file);
  return createJiti(pathToFileURL(file).href, { interopDefault: false }).import(file);
}

/**
 * Node strips types itself from 22.18 on. For older ones, the application installs jiti, an optional peer.
 * @throws {UsageError} if it has not
 */
async function importJiti(file: string): Promise<typeof Jiti> {
  try {
    return await import("jiti");
  } catch (cause) {
    throw new UsageError(
      `Node ${process.versions.node} cannot read ${file}: install jiti (npm install --save-dev jiti), ` +
        "use Node 22.18 or later, or write the configuration in JavaScript (downloadview.config.mjs)",
      { cause },
    );
  }
}
