import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a file of the demo as a process of its own, from source as all that is tested. */
export function startProcess(file: string, env: Readonly<Record<string, string>>): ChildProcess {
  const path = fileURLToPath(new URL(`../../demo/${file}`, import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", path], { env: { ...process.env, ...env } });
}

export async function printedUrl(demo: ChildProcess): Promise<string> {
  let printed = "";
  for await (const chunk of demo.stdout ?? []) {
    printed += String(chunk);
    const [url] = /http:\/\/localhost:\d+/.exec(printed) ?? [];
    if (url) return url;
  }
  throw new Error(`It printed no URL: ${printed}`);
}
