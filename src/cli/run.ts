import { readFile } from "node:fs/promises";
import { configHelp, runConfig } from "./config.ts";
import { demoHelp, runDemo } from "./demo.ts";
import { doctorHelp, runDoctor } from "./doctor.ts";
import { keptHelp, runKept } from "./kept.ts";
import { runServe, serveHelp } from "./serve.ts";
import { runSign, signHelp } from "./sign.ts";
import type { CommandIO } from "./signing-options.ts";
import { runVerify, verifyHelp } from "./verify.ts";

type Command = (args: readonly string[], io: CommandIO) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  config: (args, io) => runConfig(args, io),
  demo: (args, io) => runDemo(args, io),
  doctor: (args, io) => runDoctor(args, io),
  kept: (args, io) => runKept(args, io),
  serve: (args, io) => runServe(args, io),
  sign: (args, io) => runSign(args, io),
  verify: (args, io) => runVerify(args, io),
};

const help: string = [configHelp, demoHelp, doctorHelp, keptHelp, serveHelp, signHelp, verifyHelp].join("\n");

/** Runs the command that the first argument names. Returns the exit code: 2 for an unknown command. */
export async function run([name, ...args]: readonly string[], io: CommandIO): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.stdout(help);
    return 0;
  }
  if (name === "--version" || name === "-v") {
    io.stdout(`${await version()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command(args, io);
  const known = Object.keys(commands).join(", ");
  io.stderr(`downloadview: there is no command ${name}: ${known}\n`);
  return 2;
}

/** The version in package.json, which lies two folders above this module in `src` and in `dist`. */
async function version(): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}
