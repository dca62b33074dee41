import { parseArgs } from "node:util";
import type { ResponseOverrides } from "../signing/url-verifier.ts";
import {
  parseDuration,
  exitCode,
  onlyUrl,
  parseHeaders,
  signerFromEnvironment,
  signingOptions,
  signingOptionsHelp,
  UsageError,
  type CommandIO,
} from "./signing-options.ts";

export const signHelp: string = `downloadview sign URL [options]

Prints the URL, signed.

  --expires DURATION   how long the link works: 90s, 15m, 1h (default), 7d, never
  --ip-prefix PREFIX   the addresses that the link works from: 203.0.113.0/24
  --disposition TYPE   attachment or inline
  --filename NAME      the name that the client sees
  --content-type TYPE  the media type that the client sees
  --cache-control TEXT the Cache-Control of the response
${signingOptionsHelp}`;

/** Runs `downloadview sign`. Returns the exit code: 0, or 2 for invalid arguments. */
export function runSign(args: readonly string[], io: CommandIO, now?: () => Date): Promise<number> {
  return exitCode(io, "sign", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...signingOptions,
        "cache-control": { type: "string" },
        "content-type": { type: "string" },
        disposition: { type: "string" },
        expires: { type: "string", default: "1h" },
        filename: { type: "string" },
        "ip-prefix": { type: "string" },
      },
    });
    if (values.help) return print(io, signHelp);
    const signer = signerFromEnvironment(io.env, {
      names: values["secret-env"] ?? ["DOWNLOADVIEW_SECRET"],
      bindHost: values["bind-host"] ?? false,
      now,
    });
    const url = await signer.sign(onlyUrl(positionals), {
      expiresIn: lifetime(values.expires),
      method: values.method,
      purpose: values.purpose,
      ipPrefix: values["ip-prefix"],
      headers: parseHeaders(values.header ?? []),
      response: defined({
        disposition: values.disposition as ResponseOverrides["disposition"],
        filename: values.filename,
        contentType: values["content-type"],
        cacheControl: values["cache-control"],
      }),
    });
    return print(io, `${url}\n`);
  });
}

function print(io: CommandIO, text: string): number {
  io.stdout(text);
  return 0;
}

function lifetime(text: string): number | null {
  if (text === "never") return null;
  const seconds = parseDuration(text);
  if (seconds) return seconds;
  throw new UsageError(`Not a duration: ${text}. Say 90s, 15m, 1h, 7d or never`);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
