import { parseArgs } from "node:util";
import { diagnose } from "../doctor/diagnose.ts";
import { formatDiagnosis } from "../doctor/report.ts";
import { loadConfig } from "./load-config.ts";
import { exitCode, UsageError, type CommandIO } from "./signing-options.ts";

export const doctorHelp: string = `downloadview doctor --app URL [--proxy URL] [options]

Looks at a deployment: the storage, the application, and the server in front of it. Says of each
check whether it passed, and of what failed which side to mend, and how. Run it where the storage
of the health check can be reached.

  --app URL            the application itself
  --proxy URL          the server in front of it, as clients reach it
  --json               prints the results as JSON
  --config FILE        another file than downloadview.config.ts

Exit code 0 if all is well, 1 if a check failed, 2 if nothing could be checked.
`;

/** `downloadview doctor`. Gives the exit code: 0 if healthy, 1 if not, 2 if nothing could be checked. */
export function runDoctor(args: readonly string[], io: CommandIO, folder: string = process.cwd()): Promise<number> {
  return exitCode(io, "doctor", async () => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        app: { type: "string" },
        config: { type: "string" },
        help: { type: "boolean", short: "h" },
        json: { type: "boolean", default: false },
        proxy: { type: "string" },
      },
    });
    if (values.help) {
      io.stdout(doctorHelp);
      return 0;
    }
    const config = await loadConfig(values.config, folder);
    const app = address(values.app ?? config.app, "--app");
    const proxy = values.proxy === undefined ? undefined : address(values.proxy, "--proxy");
    const diagnosis = await diagnose(config, { app, proxy });
    io.stdout(values.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : formatDiagnosis(diagnosis));
    return diagnosis.healthy ? 0 : 1;
  });
}

function address(url: string | undefined, option: string): string {
  if (url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UsageError(`Give the ${option} as a URL, such as ${option} http://127.0.0.1:3000`);
}
