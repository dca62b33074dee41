import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuPerRequest } from "../harness/figures.ts";
import { KIB, MIB } from "../harness/fixtures.ts";
import type { Load } from "../harness/protocol.ts";
import type { ServerEntry } from "../servers.ts";
import type { Workload, WorkloadRequest } from "../workloads.ts";

/** One thing that grows, and the workload at each size of it. */
export interface Dimension {
  readonly name: string;
  /** What is counted: the head of the first column. */
  readonly unit: string;
  readonly points: readonly number[];
  /** What else a reader must know. */
  readonly note: string;
  /** Ours first. The others show what grows in Node or in the system. */
  readonly servers: readonly ServerEntry[];
  readonly request: (point: number) => WorkloadRequest;
  readonly load: (point: number) => Load;
  /** Bytes that the system holds for each end of a connection. Default: as it is set, some megabytes. */
  readonly socketBuffer?: number;
  /** Makes the files of a point. */
  readonly prepare?: (root: string, point: number) => void;
}

const ours: ServerEntry = { module: "files/downloadview", title: "downloadview", packages: [] };
const bare: ServerEntry = {
  module: "files/bare-same-head",
  title: "bare `res.end(buffer)`, our head",
  packages: [],
  limit: true,
};
const send: ServerEntry = { module: "files/send", title: "`send`", packages: ["send"] };
const keepAlive: Load = { kind: "requests", connections: 64, seconds: 0.5 };

export const dimensions: readonly Dimension[] = [
  {
    name: "connections",
    unit: "connections",
    points: [10, 100, 1000, 10_000],
    note: "All of them ask for 10 KiB, again and again.",
    servers: [ours, bare],
    request: () => ({ kind: "file", file: "10KiB.bin" }),
    load: (connections) => ({ kind: "requests", connections, seconds: 1 }),
  },
  {
    name: "rules",
    unit: "offload rules",
    points: [1, 10, 100, 1000],
    note: "The last of them matches. nginx would send the file.",
    servers: [{ ...ours, module: "growth/rules" }],
    request: () => ({ kind: "header-only", path: "/10KiB.bin", header: "x-accel-redirect" }),
    load: () => keepAlive,
  },
  {
    name: "folder",
    unit: "files in a folder",
    points: [10, 100, 1000, 10_000, 100_000, 1_000_000],
    note: "64 of them, of 1 KiB, are asked for: what grows is the folder, not the memory of files.",
    servers: [ours, send],
    request: (point) => ({ kind: "generated", path: `/many-${point}/asked-*.bin`, bodyBytes: KIB }),
    load: () => keepAlive,
    prepare: (root, point) => {
      const folder = join(root, `many-${point}`);
      mkdirSync(folder);
      for (let at = 0; at < 64; at++) writeFileSync(join(folder, `asked-${at}.bin`), Buffer.alloc(KIB));
      for (let at = 64; at < point; at++) writeFileSync(join(folder, `other-${at}.bin`), "");
    },
  },
  {
    name: "memoised",
    unit: "files in memory",
    points: [1, 10, 100, 1000, 10_000, 100_000],
    note:
      "Each request is for any one of them, of 1 KiB. Up to 64, several connections ask for the same file at the same time and " +
      "share a look at the disk; from 100 on, each request looks.",
    servers: [{ ...ours, module: "growth/memoised" }, send],
    request: () => ({ kind: "generated", path: "/memo/*.bin", bodyBytes: KIB }),
    load: (of) => ({ ...keepAlive, pick: { of, distribution: "uniform" } }),
    prepare: (root, point) => {
      if (point === 1) mkdirSync(join(root, "memo"));
      for (let at = Math.floor(point / 10); at < point; at++)
        writeFileSync(join(root, "memo", `${at}.bin`), Buffer.alloc(KIB));
    },
  },
  {
    name: "ranges",
    unit: "ranges in flight",
    points: [10, 100, 1000, 10_000],
    note: "Clients that have asked for a range of 1 GiB and read no further. Beside them, 64 connections ask for ranges of 1 KiB.",
    // 10,000 readers that stall would take all memory of the machine.
    socketBuffer: 16 * KIB,
    // Peers open a file for each, and would need more descriptors than a process may have.
    servers: [ours],
    request: () => ({ kind: "file", file: "large.bin", range: { start: MIB + 1, end: MIB + KIB } }),
    load: (inFlight) => ({ ...keepAlive, inFlight }),
  },
  {
    name: "links",
    unit: "limited links in memory",
    points: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000],
    note: "Each request is the first of another link, and adds it. Those in memory expire one after the other within the hour.",
    servers: [{ ...ours, module: "growth/links" }],
    request: () => ({ kind: "file", file: "10KiB.bin" }),
    load: () => keepAlive,
  },
];

export function workloadAt(dimension: Dimension, point: number): Workload {
  return {
    name: `${dimension.name}-${point}`,
    title: `${point} ${dimension.unit}`,
    servers: dimension.servers,
    request: dimension.request(point),
    load: dimension.load(point),
    figures: [cpuPerRequest],
    parameter: point,
  };
}
