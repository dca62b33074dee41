import { configHelp, runConfig } from "./config.ts";
import { doctorHelp, runDoctor } from "./doctor.ts";
import { keptHelp, runKept } from "./kept.ts";
import { runSign, signHelp } from "./sign.ts";
import type { CommandIO } from "./signing-options.ts";
import { runVerify, verifyHelp } from "./verify.ts";

type Command = (args: readonly string[], io: CommandIO) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  config: (args, io) => runConfig(args, io),
  doctor: (args, io) => runDoctor(args, io),
  kept: (args, io) => runKept(args, io),
  sign: (args, io) => runSign(args, io),
  verify: (args, io) => runVerify(args, io),
};

const help: string = [configHelp, doctorHelp, keptHelp, signHelp, verifyHelp].join("\n");

/** Runs the command that the first argument names. Gives the exit code, 2 for a command that there is not. */
export async function run([name, ...args]: readonly string[], io: CommandIO): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    io.stdout(help);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command(args, io);
  const known = Object.keys(commands).join(", ");
  io.stderr(`downloadview: ${name === undefined ? "give a command" : `there is no command ${name}`}: ${known}\n`);
  return 2;
}
