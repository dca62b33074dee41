import { parseArgs } from "node:util";
import { serverConfiguration, serverNames, type ServerName } from "../config/server-configuration.ts";
import { loadConfig } from "./load-config.ts";
import { exitCode, UsageError, type CommandIO } from "./signing-options.ts";

export const configHelp: string = `downloadview config SERVER [options]

Prints the configuration of a server (${serverNames.join(", ")}) for the rules of
downloadview.config.ts: all that it needs to run.

  --part               only what goes into a configuration that there is already
  --app URL            the application as the server reaches it (default: app of the configuration,
                       else http://127.0.0.1:3000)
  --listen ADDRESS     where the server listens: 8080 or 127.0.0.1:8080 (default: listen of the
                       configuration, else 80)
  --config FILE        another file than downloadview.config.ts
`;

/** `downloadview config`. Gives the exit code: 0, or 2 for arguments or a configuration that can't be used. */
export function runConfig(args: readonly string[], io: CommandIO, folder: string = process.cwd()): Promise<number> {
  return exitCode(io, "config", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        app: { type: "string" },
        config: { type: "string" },
        help: { type: "boolean", short: "h" },
        listen: { type: "string" },
        part: { type: "boolean", default: false },
      },
    });
    if (values.help) io.stdout(configHelp);
    else {
      const { config, app, listen, part } = values;
      const name = onlyServer(positionals);
      const options = { part, ...(app === undefined ? {} : { app }), ...(listen === undefined ? {} : { listen }) };
      io.stdout(serverConfiguration(name, await loadConfig(config, folder), options));
    }
    return 0;
  });
}

function onlyServer([name, ...others]: readonly string[]): ServerName {
  const known = serverNames.find((one) => one === name);
  if (known === undefined || others.length > 0) throw new UsageError(`Give one of ${serverNames.join(", ")}`);
  return known;
}
