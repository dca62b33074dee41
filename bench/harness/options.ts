import { parseArgs } from "node:util";
import type { Load } from "./protocol.ts";
import type { Workload } from "../workloads.ts";

export interface BenchOptions {
  /** Names of workloads. All of them, when empty. */
  readonly only: readonly string[];
  /** Parts of names of servers. All of them, when empty. */
  readonly peers: readonly string[];
  readonly rounds: number;
  /** A look whether all works, in about two minutes, and with 128 MiB for 1 GiB: the figures mean little. */
  readonly quick: boolean;
  /** What grows with the number of connections, files, …, in place of the workloads. */
  readonly growth: boolean;
  /** Ten minutes at full rate, in place of the workloads. */
  readonly leak: boolean;
  /** Where the report is written. */
  readonly output: string | undefined;
}

export const usage = `npm run bench -- [options]
  --only a,b     these workloads
  --peers a,b    these peers beside ours
  --rounds n     rounds for each server (default 5)
  --quick        one short round with 128 MiB for 1 GiB, to see whether all works
  --growth       what a request costs as connections, rules, files, ranges and links grow, instead: about 7 minutes
  --leak         what ten minutes at full rate leave behind, instead (with --quick: 40 seconds)
  --output file  where the report is written (default: RESULTS.md, GROWTH.md or LEAK.md, of a whole run only)`;

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      growth: { type: "boolean", default: false },
      leak: { type: "boolean", default: false },
      output: { type: "string" },
    },
  });
  return {
    only: listOf(values.only),
    peers: listOf(values.peers),
    rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    quick: values.quick,
    growth: values.growth,
    leak: values.leak,
    output: values.output,
  };
}

export function isWholeRun({ only, peers, quick }: BenchOptions): boolean {
  return only.length === 0 && peers.length === 0 && !quick;
}

/** The workloads that were asked for, with the servers that were asked for. */
export function selectWorkloads(all: readonly Workload[], options: BenchOptions): readonly Workload[] {
  const unknown = options.only.filter((name) => all.every((workload) => workload.name !== name));
  if (unknown.length > 0) throw new Error(`No such workload: ${unknown.join(", ")}`);
  return all
    .filter(({ name }) => options.only.length === 0 || options.only.includes(name))
    .map((workload) => ({
      ...workload,
      servers: workload.servers.filter((server, index) => index === 0 || isSelected(server.module, options.peers)),
      load: options.quick ? shorten(workload.load) : workload.load,
    }));
}

function isSelected(module: string, peers: readonly string[]): boolean {
  return peers.length === 0 || peers.some((peer) => module.includes(peer));
}

function shorten(load: Load): Load {
  switch (load.kind) {
    case "requests":
    case "cut-downloads":
      return { ...load, seconds: load.seconds / 4 };
    case "paced":
      return load;
    case "beside":
      return {
        ...load,
        seconds: load.seconds / 2,
        small: { ...load.small, load: { ...load.small.load, seconds: load.seconds / 2 } },
      };
    case "stalled":
      return { ...load, seconds: load.seconds / 3 };
    case "aborts":
      return { ...load, downloads: load.downloads / 5 };
    case "first-byte":
      return { ...load, requests: 5 };
  }
}

function listOf(text: string): readonly string[] {
  return text.split(",").filter((name) => name !== "");
}
