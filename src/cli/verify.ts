import { parseArgs } from "node:util";
import type { Verification } from "../signing/url-verifier.ts";
import {
  exitCode,
  onlyUrl,
  parseHeaders,
  signerFromEnvironment,
  signingOptions,
  signingOptionsHelp,
  type CommandIO,
} from "./signing-options.ts";

export const verifyHelp: string = `downloadview verify URL [options]

Says whether the signature of a URL holds. The exit code is 0 if it does, 1 if it does not.

  --ip ADDRESS         the address that the request comes from
${signingOptionsHelp}`;

/** Runs `downloadview verify`. Returns the exit code: 0, 1 for a URL that is refused, or 2 for invalid arguments. */
export function runVerify(args: readonly string[], io: CommandIO, now?: () => Date): Promise<number> {
  return exitCode(io, "verify", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...signingOptions, ip: { type: "string" } },
    });
    if (values.help) {
      io.stdout(verifyHelp);
      return 0;
    }
    const signer = signerFromEnvironment(io.env, {
      names: values["secret-env"] ?? ["DOWNLOADVIEW_SECRET"],
      bindHost: values["bind-host"] ?? false,
      now,
    });
    const verification = await signer.verify(
      {
        url: onlyUrl(positionals),
        method: values.method?.toUpperCase() ?? "GET",
        headers: new Headers(parseHeaders(values.header ?? [])),
      },
      { purpose: values.purpose, ip: values.ip },
    );
    io.stdout(`${described(verification)}\n`);
    return verification.ok ? 0 : 1;
  });
}

function described(verification: Verification): string {
  if (!verification.ok) return verification.reason;
  const { expiresAt, response = {} } = verification;
  const until = expiresAt ? `valid until ${expiresAt.toISOString()}` : "valid, and never expires";
  return [until, ...Object.entries(response).map(([name, value]) => `${name}: ${value}`)].join("\n");
}
