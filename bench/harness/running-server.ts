import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import type { Usage } from "./protocol.ts";

/** What each module under `servers/` exports as `start`: serves the files of a folder on a free loopback port. */
export type StartServer = (root: string) => Promise<RunningServer>;

export interface RunningServer {
  readonly port: number;
  /** For a server that is a process of its own. Default: what this process uses. */
  usage?(): Usage;
}

/** Listens on a free port of the loopback interface. */
export async function listen(server: Server): Promise<RunningServer> {
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
