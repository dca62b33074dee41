import { parseArgs } from "node:util";
import { diagnose } from "../doctor/diagnose.ts";
import type { GuardedFile } from "../doctor/guarded-check.ts";
import { formatDiagnosis } from "../doctor/report.ts";
import { loadConfig } from "./config.ts";
import { exitCode, parseHeaders, UsageError, type CommandIO } from "./signing-options.ts";

export const doctorHelp: string = `downloadview doctor --app URL [--proxy URL] [options]

Checks a deployment: the storage, the application, and the server in front of it. Reports pass or
fail for each check. For a failure: what to fix, and on which side. Run it where the storage of
the health check can be reached.

  --app URL            the application itself
  --proxy URL          the server in front of it, as clients reach it
  --host NAME          the Host field for --proxy, for example with --proxy http://127.0.0.1
  --insecure           accepts a self-signed certificate
  --origin URL         the origin of a page that fetches from the storage: checks its CORS rules
  --guarded PATH       a file that the server sends after it has asked the application: tries to get it
                       without the --header that opens it
  --header "NAME: V"   a field that opens it, such as "Cookie: session=…"; may be repeated
  --timeout SECONDS    the time for all checks together (default 60)
  --json               prints the results as JSON
  --config FILE        another file than downloadview.config.ts

Exit code 0 if no check failed, 1 if one failed, 2 if nothing could be checked.
`;

/** Runs `downloadview doctor`. Returns the exit code: 0 if healthy, 1 if not, 2 if nothing could be checked. */
export function runDoctor(args: readonly string[], io: CommandIO, folder: string = process.cwd()): Promise<number> {
  return exitCode(withJsonErrors(args, io), "doctor", async () => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        app: { type: "string" },
        config: { type: "string" },
        guarded: { type: "string" },
        header: { type: "string", multiple: true },
        host: { type: "string" },
        insecure: { type: "boolean", default: false },
        timeout: { type: "string", default: "60" },
        help: { type: "boolean", short: "h" },
        json: { type: "boolean", default: false },
        origin: { type: "string" },
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
    const diagnosis = await diagnose(config, {
      app,
      proxy,
      host: values.host,
      insecure: values.insecure,
      origin: values.origin === undefined ? undefined : address(values.origin, "--origin"),
      guarded: guardedFile(values.guarded, values.header),
      timeout: milliseconds(values.timeout),
    });
    io.stdout(values.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : formatDiagnosis(diagnosis));
    return diagnosis.healthy ? 0 : 1;
  });
}

function guardedFile(path: string | undefined, headers: readonly string[] = []): GuardedFile | undefined {
  if (path === undefined && headers.length === 0) return undefined;
  if (path === undefined || headers.length === 0) {
    throw new UsageError("--guarded PATH needs the --header that opens the file, and the reverse");
  }
  if (!/^\/[\x21-\x7e]+$/.test(path)) {
    throw new UsageError(`--guarded must be a path as in a URL, such as /files/a%20b.pdf, got ${JSON.stringify(path)}`);
  }
  return { path, credentials: parseHeaders(headers) };
}

function milliseconds(seconds: string): number {
  const value = Number(seconds);
  if (value > 0 && value <= 86_400) return value * 1000;
  throw new UsageError(`--timeout must be seconds between 0 and 86400 (got ${JSON.stringify(seconds)})`);
}

/** With `--json`, prints an error as JSON as well: a program that reads the output gets JSON in any case. */
function withJsonErrors(args: readonly string[], io: CommandIO): CommandIO {
  if (!args.includes("--json")) return io;
  const stderr = (text: string): void => {
    io.stderr(text);
    io.stdout(`${JSON.stringify({ version: 1, healthy: false, error: text.trim(), results: [] }, null, 2)}\n`);
  };
  return { env: io.env, stdout: (text) => io.stdout(text), stderr };
}

function address(url: string | undefined, option: string): string {
  if (url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UsageError(
    `${option} must be a URL, for example http://127.0.0.1:3000 (got ${url === undefined ? "none" : JSON.stringify(url)})`,
  );
}
