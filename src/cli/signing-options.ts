import { URLSigner } from "../signing/url-signer.ts";

/** What a command needs of its process. */
export interface CommandIO {
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A wrong command line. The message is printed in one line, and the exit code is 2. */
export class UsageError extends Error {}

/** The options that `sign` and `verify` share. */
export const signingOptions = {
  "bind-host": { type: "boolean" },
  header: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
  method: { type: "string" },
  purpose: { type: "string" },
  "secret-env": { type: "string", multiple: true },
} as const;

export const signingOptionsHelp = `  --method METHOD      the method of the request (default GET, which is good for HEAD too)
  --purpose TEXT       what the link is for
  --header "NAME: V"   a header field of the request; may be repeated
  --bind-host          the link works on its own host only
  --secret-env NAME    the environment variable that holds the secret (default DOWNLOADVIEW_SECRET);
                       repeated: the first signs, all verify
`;

/** Secrets come from the environment: every user of the machine can read a command line. */
export function signerFromEnvironment(
  env: CommandIO["env"],
  { names, bindHost, now }: { names: readonly string[]; bindHost: boolean; now?: (() => Date) | undefined },
): URLSigner {
  const secrets = names.map((name) => {
    const secret = env[name];
    if (!secret) throw new UsageError(`The environment variable ${name} is not set: it has to hold the secret`);
    return secret;
  });
  return new URLSigner({ secrets, bindHost, ...(now && { now }) });
}

export function parseHeaders(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => {
      const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(field) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(`Not a header field: ${field}`);
      return [name, value];
    }),
  );
}

export function onlyUrl(positionals: readonly string[]): string {
  const [url, ...others] = positionals;
  if (url === undefined || others.length > 0) throw new UsageError("Give one URL");
  return url;
}

/** Runs a command. Returns exit code 2 for a wrong command line. */
export async function exitCode(io: CommandIO, name: string, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    io.stderr(`downloadview ${name}: ${reasonOf(error)}\n`);
    return 2;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

const secondsOf: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Parses `90`, `90s`, `15m`, `1h`, `7d` or `2w` to seconds. Returns undefined if `text` is not a duration. */
export function parseDuration(text: string): number | undefined {
  const [found, amount, unit = ""] = /^(\d+)([smhdw]?)$/.exec(text) ?? [];
  return found === undefined ? undefined : Number(amount) * (secondsOf[unit] ?? 1);
}
