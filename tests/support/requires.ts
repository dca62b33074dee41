import { spawnSync } from "node:child_process";

/**
 * Whether what a suite needs of this machine is there: a command, or whatever `check` looks for. Where it is not, the
 * suite is skipped, with a word on how to install it; in CI, where everything has to be there, it fails.
 */
export function requires(check: string | (() => boolean), installHint: string): boolean {
  const isThere = typeof check === "string" ? hasCommand(check) : check();
  if (isThere) return true;
  const message = `Skipped for want of ${typeof check === "string" ? check : "what it tests against"}: ${installHint}`;
  if (process.env["CI"]) throw new Error(message);
  console.warn(message);
  return false;
}

function hasCommand(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status === 0;
}
