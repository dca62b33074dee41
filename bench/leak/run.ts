import { writeFile } from "node:fs/promises";
import { Child } from "../harness/child.ts";
import { fileSizes, Fixtures, KIB, MIB } from "../harness/fixtures.ts";
import { describeMachine, LOAD_CORE, SERVER_CORE } from "../harness/machine.ts";
import type { BenchOptions } from "../harness/options.ts";
import type { Load, Memory, Open, Protocol, Seen } from "../harness/protocol.ts";
import { formatLeak, type Sample } from "./report.ts";

const RESULTS = new URL("../LEAK.md", import.meta.url);
const SECONDS = 600;
const QUICK_SECONDS = 40;

/** One kind of request, as long as a turn takes, at the rate that the server can take. */
interface Turn {
  readonly path: string;
  readonly status?: number;
  readonly bodyBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly load: Load;
}

const requests: Load = { kind: "requests", connections: 64, seconds: 1.5 };

const turns: readonly Turn[] = [
  { path: "/10KiB.bin", bodyBytes: 10 * KIB, load: requests },
  {
    path: "/own-*.bin",
    bodyBytes: 10 * KIB,
    load: { ...requests, pick: { of: 10_000, distribution: "uniform" } },
  },
  { path: "/1MiB.bin", bodyBytes: MIB, load: requests },
  { path: "/large.bin", status: 206, bodyBytes: KIB, headers: { Range: "bytes=5000-6023" }, load: requests },
  { path: "/missing.bin", status: 404, bodyBytes: 10, load: requests },
  { path: "/limited", bodyBytes: 10 * KIB, load: requests },
  { path: "/generated", bodyBytes: 100 * KIB, load: requests },
  { path: "/large.bin", bodyBytes: 128 * MIB, load: { kind: "aborts", downloads: 400, concurrency: 20 } },
  { path: "/large.bin", bodyBytes: 128 * MIB, load: { kind: "cut-downloads", connections: 16, seconds: 1.5 } },
];

/** All kinds of requests in turn for ten minutes. What the server holds is read after each round, when no client is there. */
export async function measureLeak({ quick, output }: BenchOptions): Promise<boolean> {
  const fixtures = await Fixtures.create(fileSizes({ large: 128 * MIB }), [], 10_000);
  const load = await Child.start("load/main.ts", [], LOAD_CORE);
  const server = await Child.start(
    "harness/server-process.ts",
    ["leak/downloadview", fixtures.root, "10"],
    SERVER_CORE,
    ["--expose-gc"],
  );
  const samples: Sample[] = [];
  try {
    const port = await server.ask<number>("port");
    const start = performance.now();
    for (let requests = 0; performance.now() - start < (quick ? QUICK_SECONDS : SECONDS) * 1000;) {
      for (const turn of turns) requests += await take(turn, port, load);
      const memory = await server.ask<Memory>("memory");
      samples.push({ seconds: (performance.now() - start) / 1000, requests, ...memory });
      const { heapBytes, rssBytes, handles } = memory;
      console.log(
        `${Math.round(samples.at(-1)!.seconds)} s, ${requests} requests: heap ${mb(heapBytes)}, RSS ${mb(rssBytes)}, ${handles} handles`,
      );
    }
  } finally {
    await Promise.all([server.stop(), load.stop()]);
  }
  const report = formatLeak(samples, describeMachine());
  console.log(report);
  const file = output ?? (quick ? undefined : RESULTS);
  if (file) await writeFile(file, report);
  return file === RESULTS;
}

async function take(
  { path, status = 200, bodyBytes, headers = {}, load: kind }: Turn,
  port: number,
  load: Child,
): Promise<number> {
  const protocol: Protocol = "http";
  const open: Open = { target: { port, protocol, path, headers }, expected: { status, bodyBytes }, load: kind };
  try {
    await load.ask("open", open);
    return (await load.ask<Seen>("run")).requests;
  } finally {
    await load.ask("close");
  }
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
