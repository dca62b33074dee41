import { describe, expect, it } from "vitest";
import { formatResult, formatSummary } from "./report.ts";
import type { ServerResult, WorkloadResult } from "./tournament.ts";
import { workloads } from "../workloads.ts";

function server(title: string, cpuSeconds: number, rest: object = {}, failure?: string): ServerResult {
  const measured = {
    seen: { requests: 1_000_000, bodyBytes: 0, seconds: 10 },
    cpuSeconds,
    applicationCpuSeconds: undefined,
    rssRiseBytes: 0,
    descriptorsLeft: undefined,
  };
  const result = { entry: { module: title, title, packages: [], ...rest }, rounds: [measured] };
  return failure === undefined ? result : { ...result, failure };
}

const workload = workloads.find(({ name }) => name === "10KiB")!;

const result: WorkloadResult = {
  workload,
  servers: [
    server("downloadview", 20),
    server("downloadview, another way", 10, { ours: true }),
    server("slow", 90),
    server("best", 60),
    server("crashed", 1, {}, "the process ended | \n and more"),
    server("nginx", 5, { limit: true }),
  ],
};

describe("the report", () => {
  it("compares each way to use ours with the best peer, and never with a limit", () => {
    const lines = formatSummary([result]).split("\n").slice(4);
    expect(lines).toEqual([
      "| 10 KiB, 64 connections | downloadview | CPU µs a request | 20.0 | best | 60.0 | 3.00 |",
      "| 10 KiB, 64 connections | downloadview, another way | CPU µs a request | 10.0 | best | 60.0 | 6.00 |",
    ]);
  });

  it("says in one cell why a server was not measured", () => {
    expect(formatResult(result)).toContain("| crashed | the process ended / |  |  |");
    expect(formatResult(result)).toContain("| nginx (limit) | 5.0 | 0.25 | 100000 |");
  });
});
