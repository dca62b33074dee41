import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RequestHandler } from "express";

const downloads = 20;

// A process of its own, so that what the client costs is not counted.
const client = `
  for (let count = 0; count < ${downloads}; count += 1) {
    for await (const chunk of (await fetch(process.argv[1])).body) void chunk;
  }`;

/**
 * Measures the CPU time that the application needs for some downloads of one document: as this demo serves it, and with
 * the application sending every byte.
 */
export const measurement: RequestHandler = async (request, response) => {
  const origin = `${request.protocol}://${request.get("Host")}`;
  const served = await cpuOf(`${origin}/documents/weather`);
  const byTheApplication = await cpuOf(`${origin}/unaided/weather`);
  response.json({ downloads, served, byTheApplication });
};

/** Milliseconds of CPU time of this process. */
async function cpuOf(url: string): Promise<number> {
  const before = process.cpuUsage();
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", client, url]);
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / 1000);
}
