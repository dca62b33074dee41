import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { expect } from "vitest";
import { skippedFileVariable, type Skipped } from "./skipped.ts";

/**
 * Whether what a suite tests against is on this machine. If not, the suite is skipped, and `npm test` says at its end what was
 * skipped and how to install it. In CI, where everything has to be installed, it throws.
 *
 * @param check a command, or a function that looks for something else
 * @param install how to install it: a command, or packages of Debian after `apt-get install`
 * @param what what is missing. Default: the command, or what is installed
 */
export function requires(check: string | (() => boolean), install: string, what?: string): boolean {
  const isThere = typeof check === "string" ? hasCommand(check) : check();
  if (isThere) return true;
  const reason = reasonFor(what ?? (typeof check === "string" ? check : installedBy(install)), install);
  if (process.env["CI"]) throw new Error(reason);
  const skipped: Skipped = { suite: relative(process.cwd(), expect.getState().testPath ?? ""), reason };
  const file = process.env[skippedFileVariable];
  if (file) appendFileSync(file, `${JSON.stringify(skipped)}\n`);
  else console.warn(reason);
  return false;
}

/** `Skipped: nginx is not installed (apt-get install nginx-light, or brew install nginx)` */
export function reasonFor(what: string, install: string): string {
  const formulas = packagesOf(install).flatMap((name) => homebrew[name] ?? []);
  const brew = formulas.length > 0 ? `, or brew install ${formulas.join(" ")}` : "";
  return `Skipped: ${what} is not installed (${install}${brew})`;
}

function installedBy(install: string): string {
  const [, folder] = /^npm .*--prefix (\S+)/.exec(install) ?? [];
  return folder ?? (packagesOf(install).join(", ") || install);
}

function packagesOf(install: string): string[] {
  const [, packages = ""] = /^apt-get install (?:--\S+ )*(.*)$/.exec(install) ?? [];
  return packages.split(" ").filter(Boolean);
}

/** Homebrew's names of Debian's packages, where it has them. */
const homebrew: Readonly<Record<string, string>> = {
  apache2: "httpd",
  aria2: "aria2",
  caddy: "caddy",
  chromium: "--cask chromium",
  curl: "curl",
  ffmpeg: "ffmpeg",
  h2o: "h2o",
  lighttpd: "lighttpd",
  "nginx-light": "nginx",
  openssl: "openssl",
  "redis-server": "redis",
  wget: "wget",
};

function hasCommand(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status === 0;
}
