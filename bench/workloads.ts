import { type FileName, type FolderName, KIB, MIB, OWN_FILE, OWN_FILES } from "./harness/fixtures.ts";
import {
  FIRST_BYTE_BYTES,
  FIRST_BYTE_PATH,
  ROWS_BYTES,
  ROWS_PATH,
  THROUGHPUT_BYTES,
  THROUGHPUT_PATH,
  WORK_PATH,
} from "./harness/generated.ts";
import {
  type Figure,
  cpuPerGigabyte,
  cpuPerRequest,
  cpuPerResponse,
  descriptorsLeft,
  gigabytesPerSecond,
  latencyMedian,
  latencyP99,
  loopDelayP99,
} from "./harness/figures.ts";
import {
  applicationCpuPerRequest,
  firstByte,
  megabytesHeld,
  megabytesPerSecond,
  requestsPerSecond,
} from "./harness/figures.ts";
import type { Load, LoadOf, Protocol } from "./harness/protocol.ts";
import {
  archiveServers,
  behindNginxServers,
  expressServers,
  fileServers,
  generatedMissServers,
  generatedServers,
  honoServers,
  latencyServers,
  http2Servers,
  httpsServers,
  keptServers,
  nodeServer,
  offloadServers,
  ownFileServers,
  type ServerEntry,
  srvxServers,
} from "./servers.ts";

/** What is asked of servers, and what is told of each. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly servers: readonly ServerEntry[];
  readonly request: WorkloadRequest;
  readonly load: Load;
  /** Default `"http"`. */
  readonly protocol?: Protocol;
  /** The first one is compared to ours. */
  readonly figures: readonly [Figure, ...Figure[]];
  /** How much the server's process holds, in megabytes. Default 10. */
  readonly heapMegabytes?: number;
  /** How many there are of what grows, for servers that must know. */
  readonly parameter?: number;
  /** Each round has new servers, and there are half as many: what a process holds depends on what it did before. */
  readonly fresh?: true;
}

export type WorkloadRequest =
  /** A file, or a part of it. `end` is included. */
  | {
      readonly kind: "file";
      readonly file: FileName;
      readonly range?: { readonly start: number; readonly end: number };
    }
  /** A file that the client has already: If-None-Match with the ETag that the server itself gave. */
  | { readonly kind: "revalidation"; readonly file: FileName }
  | { readonly kind: "generated"; readonly path: string; readonly bodyBytes: number }
  /** A ZIP of all files of a folder. */
  | { readonly kind: "archive"; readonly folder: FolderName }
  /** An empty answer with this header. */
  | { readonly kind: "header-only"; readonly path: string; readonly header: string };

const perRequest = [cpuPerRequest, requestsPerSecond] as const;
const perGigabyte = [cpuPerGigabyte, gigabytesPerSecond] as const;
const keepAlive: Load = { kind: "requests", connections: 64, seconds: 0.3 };
const oneDownload: Load = { kind: "requests", connections: 1, seconds: 0.1 };

const smallFiles: readonly Workload[] = [
  smallFile("1KiB.bin", "1 KiB", perRequest),
  smallFile("10KiB.bin", "10 KiB", perRequest),
  smallFile("1MiB.bin", "1 MiB", perGigabyte),
];

const ownFiles: readonly Workload[] = (["zipf", "uniform"] as const).map((distribution) => ({
  name: `own-${distribution}`,
  title: `10,000 files of 10 KiB, requested ${distribution === "zipf" ? "by Zipf's law" : "uniformly"}, 64 connections`,
  servers: ownFileServers,
  request: { kind: "file", file: OWN_FILE },
  load: { ...keepAlive, pick: { of: OWN_FILES, distribution } },
  figures: perRequest,
}));

const conditional: Workload = {
  name: "304",
  title: "304 by If-None-Match, 64 connections",
  servers: fileServers,
  request: { kind: "revalidation", file: "10KiB.bin" },
  load: keepAlive,
  figures: perRequest,
};

const largeFiles: readonly Workload[] = [
  {
    name: "range",
    title: "1 KiB range of 1 GiB, 64 connections",
    servers: fileServers,
    request: { kind: "file", file: "large.bin", range: { start: 100 * MIB + 1, end: 100 * MIB + KIB } },
    load: keepAlive,
    figures: perRequest,
  },
  {
    name: "1GiB",
    title: "1 GiB, 1 connection",
    servers: fileServers,
    request: { kind: "file", file: "large.bin" },
    load: oneDownload,
    figures: perGigabyte,
  },
  {
    name: "1GiB-16",
    title: "1 GiB, 16 connections",
    servers: fileServers,
    request: { kind: "file", file: "large.bin" },
    load: { kind: "cut-downloads", connections: 16, seconds: 0.8 },
    figures: perGigabyte,
  },
  {
    name: "stalled",
    title: "1 GiB, 500 readers that stall",
    servers: fileServers,
    request: { kind: "file", file: "large.bin" },
    load: { kind: "stalled", connections: 500, seconds: 3 },
    figures: [megabytesHeld, descriptorsLeft],
    fresh: true,
  },
  {
    name: "aborts",
    title: "1 GiB, 1000 clients that leave at its first bytes",
    servers: fileServers,
    request: { kind: "file", file: "large.bin" },
    load: { kind: "aborts", downloads: 1000, concurrency: 20 },
    figures: [descriptorsLeft, cpuPerRequest],
    fresh: true,
  },
];

const paced: LoadOf<"paced"> = { kind: "paced", connections: 16, perSecond: 500, seconds: 1.5 };

const latency: Workload = {
  name: "latency",
  title: "500 files of 10 KiB a second beside 16 downloads of 1 GiB",
  servers: latencyServers,
  request: { kind: "file", file: "large.bin" },
  load: {
    kind: "beside",
    connections: 16,
    seconds: 1.5,
    small: { path: "/10KiB.bin", bodyBytes: 10 * KIB, load: paced },
  },
  figures: [latencyP99, latencyMedian, loopDelayP99, gigabytesPerSecond],
};

const secure: readonly Workload[] = [
  ...overTLS("https", "https", httpsServers, "64 connections"),
  ...overTLS("http2", "HTTP/2", http2Servers, "16 connections of 4 streams"),
];

const kept: readonly Workload[] = [
  ...(["10KiB.bin", "1MiB.bin"] as const).map((file) => ({
    name: `kept-${sizeOf(file).replace(" ", "")}`,
    title: `Kept files, ${sizeOf(file)}, 64 connections`,
    servers: keptServers,
    request: { kind: "file", file } as const,
    load: keepAlive,
    figures: perRequest,
  })),
  generatedMiss("kept-first-byte", "costs nothing", FIRST_BYTE_PATH),
  generatedMiss("kept-first-byte-work", "works for 5 ms", WORK_PATH),
];

const others: readonly Workload[] = [
  ...throughFramework("express", "Express", expressServers),
  ...throughFramework("hono", "Web `Response` through Hono", honoServers),
  ...throughFramework("srvx", "Web `Response` through srvx", srvxServers),
  ...(["10KiB.bin", "1MiB.bin"] as const).map(behindNginx),
  {
    name: "offload",
    title: "Header-only offload response, 64 connections",
    servers: offloadServers,
    request: { kind: "header-only", path: "/10KiB.bin", header: "x-accel-redirect" },
    load: keepAlive,
    figures: perRequest,
  },
  {
    name: "generated",
    title: "Generated stream of 128 MiB in chunks of 64 KiB, 1 connection",
    servers: generatedServers,
    request: { kind: "generated", path: THROUGHPUT_PATH, bodyBytes: THROUGHPUT_BYTES },
    load: { kind: "requests", connections: 1, seconds: 0.3 },
    figures: perGigabyte,
  },
  {
    name: "rows",
    title: "Generated stream of 200,000 rows of 40 bytes, 1 connection",
    servers: generatedServers,
    request: { kind: "generated", path: ROWS_PATH, bodyBytes: ROWS_BYTES },
    load: { kind: "requests", connections: 1, seconds: 0.5 },
    figures: [cpuPerResponse, gigabytesPerSecond],
  },
  {
    name: "first-byte",
    title: "Generated stream, its second chunk 20 ms after the first",
    servers: generatedServers,
    request: { kind: "generated", path: FIRST_BYTE_PATH, bodyBytes: FIRST_BYTE_BYTES },
    load: { kind: "first-byte", requests: 30 },
    figures: [firstByte, cpuPerRequest],
  },
];

const archives: readonly Workload[] = [
  archive("200x1MiB", "ZIP of 200 files of 1 MiB"),
  archive("20000x1KiB", "ZIP of 20,000 files of 1 KiB"),
];

export const workloads: readonly Workload[] = [
  ...smallFiles,
  ...ownFiles,
  conditional,
  ...largeFiles,
  latency,
  ...secure,
  ...others,
  ...kept,
  ...archives,
];

function generatedMiss(name: string, generator: string, path: string): Workload {
  return {
    name,
    title: `Kept file that is not there yet, of a generator that ${generator}, its second chunk 20 ms after the first`,
    servers: generatedMissServers,
    request: { kind: "generated", path, bodyBytes: FIRST_BYTE_BYTES },
    load: { kind: "first-byte", requests: 30 },
    figures: [firstByte, cpuPerRequest],
  };
}

function archive(folder: FolderName, title: string): Workload {
  return {
    name: `zip-${folder}`,
    title: `${title}, 1 connection`,
    servers: archiveServers,
    request: { kind: "archive", folder },
    load: { kind: "requests", connections: 1, seconds: 0.1 },
    figures: [cpuPerResponse, megabytesPerSecond],
  };
}

function smallFile(file: FileName, size: string, figures: Workload["figures"]): Workload {
  return {
    name: size.replace(" ", ""),
    title: `${size}, 64 connections`,
    servers: fileServers,
    request: { kind: "file", file },
    load: keepAlive,
    figures,
  };
}

function overTLS(
  protocol: Protocol,
  title: string,
  servers: readonly ServerEntry[],
  connections: string,
): readonly Workload[] {
  return (["10KiB.bin", "1MiB.bin"] as const).map((file) => ({
    name: `${protocol}-${sizeOf(file).replace(" ", "")}`,
    title: `${title}, ${sizeOf(file)}, ${connections}`,
    servers,
    protocol,
    request: { kind: "file", file },
    load: keepAlive,
    figures: perRequest,
  }));
}

function behindNginx(file: FileName): Workload {
  const size = file === "10KiB.bin" ? "10 KiB" : "1 MiB";
  return {
    name: `nginx-${size.replace(" ", "")}`,
    title: `Behind nginx, ${size}, 64 connections, both processes`,
    servers: behindNginxServers,
    request: { kind: "file", file },
    load: keepAlive,
    figures: [cpuPerRequest, applicationCpuPerRequest, requestsPerSecond],
  };
}

/** What passes through a framework, in processes that hold nothing, what an application may hold, and five times as much. */
function throughFramework(name: string, title: string, servers: readonly ServerEntry[]): readonly Workload[] {
  return [10, 0, 50].flatMap((heapMegabytes) => {
    const heap = heapMegabytes === 10 ? "" : `, ${heapMegabytes} MB held`;
    const suffix = heapMegabytes === 10 ? "" : `-${heapMegabytes}MB`;
    return [
      ...filesWith(heapMegabytes).map((file) => ({
        name: `${name}-${sizeOf(file).replace(" ", "")}${suffix}`,
        title: `${title}, ${sizeOf(file)}, 64 connections${heap}`,
        servers,
        request: { kind: "file", file } as const,
        load: keepAlive,
        figures: perRequest,
        heapMegabytes,
      })),
      {
        name: `${name}-1GiB${suffix}`,
        title: `${title}, 1 GiB, 1 connection${heap}`,
        servers: [...servers.filter(({ limit }) => !limit), nodeServer],
        request: { kind: "file", file: "large.bin" } as const,
        load: oneDownload,
        figures: perGigabyte,
        heapMegabytes,
      },
    ];
  });
}

function sizeOf(file: "1KiB.bin" | "10KiB.bin" | "1MiB.bin"): string {
  return file.replace("KiB.bin", " KiB").replace("MiB.bin", " MiB");
}

/** 1 KiB costs what 10 KiB cost but for the copy: it is not measured a third time. */
function filesWith(heapMegabytes: number): readonly ("1KiB.bin" | "10KiB.bin" | "1MiB.bin")[] {
  return heapMegabytes === 50 ? ["10KiB.bin", "1MiB.bin"] : ["1KiB.bin", "10KiB.bin", "1MiB.bin"];
}
