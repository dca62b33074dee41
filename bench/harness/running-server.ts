import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Memory, Usage } from "./protocol.ts";

/**
 * What each module under `servers/` exports as `start`: serves the files of a folder on a free loopback port. `parameter`: how
 * many there are of what grows.
 */
export type StartServer = (root: string, parameter?: number) => Promise<RunningServer>;

export interface RunningServer {
  readonly port: number;
  /** For a server that is a process of its own. Default: what this process uses. */
  usage?(): Usage;
}

/** Listens on a free port of the loopback interface. */
export async function listen(server: Server): Promise<RunningServer> {
  // Node's five seconds pass while ten thousand connections are opened, or while other servers have their turn.
  if ("keepAliveTimeout" in server) server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: portOf(server.address()) };
}

/** The port of a listening server's address or URL. */
export function portOf(address: AddressInfo | string | null | undefined): number {
  if (typeof address === "string") return Number(new URL(address).port);
  if (!address) throw new Error("The server does not listen");
  return address.port;
}

export function usageOfThisProcess(): Usage {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    rssBytes: process.memoryUsage.rss(),
    ...descriptorsOf("/dev/fd"),
  };
}

/** What this process holds when its clients have gone, after a collection of its garbage, if it was started so. */
export async function memoryOfThisProcess(): Promise<Memory> {
  // Sockets and files are closed some turns of the event loop later.
  await delay(1000);
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await delay(100);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  return { heapBytes: heapUsed, externalBytes: external, rssBytes: rss, handles, ...descriptorsOf("/dev/fd") };
}

/** Of processes that serve together. */
export function sumOfUsages(usages: readonly Usage[]): Usage {
  return usages.reduce((all, one) => ({
    cpuSeconds: all.cpuSeconds + one.cpuSeconds,
    rssBytes: all.rssBytes + one.rssBytes,
    descriptors: (all.descriptors ?? 0) + (one.descriptors ?? 0),
  }));
}

/** Empty where the system has no such directory. */
export function descriptorsOf(directory: string): { descriptors?: number } {
  try {
    return { descriptors: readdirSync(directory).length };
  } catch {
    return {};
  }
}
