import { describe, expect, it } from "vitest";
import { pageOf } from "./page.ts";

const results = `# Benchmark results

Medians of 5 rounds.

- Processor: one

Versions: a.

## Summary

| Workload | Figure |
| --- | ---: |
| 10 KiB, 64 connections | CPU µs a request |

## 10 KiB, 64 connections

| Server | CPU µs a request | ÷ ours | requests a second |
| --- | ---: | ---: | ---: |
| downloadview | 18.5 | 1.00 | 50000 |
| \`a & b\` | 9.2 | 0.50 | 100000 |
| broken | sends other bytes |  |  |
| bare (limit) | 37.0 | 2.00 | 20000 |

## 500 files of 10 KiB a second beside 16 downloads of 1 GiB

| Server | ms, 99 of 100 small files | ÷ ours |
| --- | ---: | ---: |
| downloadview | 1.00 | 1.00 |
| \`send\` | 4.00 | 4.00 |
`;

const growth = `# Growth

Made by it.

- Processor: one

## Summary

| From … to | in all |
| --- | ---: |
| 1 to 1,000 offload rules | × 1.02 |

## Offload rules

The last of them matches.

| offload rules | downloadview | bare (limit) |
| --- | ---: | ---: |
| 1 | 20.0 | 10.0 |
| 1,000 | 20.4 | read ECONNRESET |
`;

const leak = `# Ten minutes at full rate

Made by it.

- Processor: one

## Summary

| What | second quarter | last quarter |  |
| --- | ---: | ---: | ---: |
| heap, MB | 20.0 | 20.0 | flat |

## Samples

| seconds | requests | heap, MB | buffers, MB | RSS, MB |
| --- | ---: | ---: | ---: | ---: |
| 0 | 1 | 20.0 | 1.0 | 100.0 |
| 600 | 2 | 20.0 | 1.0 | 101.0 |
`;

describe("the page of the benchmarks", () => {
  const { page, plots } = pageOf({ results, growth, leak });
  const svgOf = (name: string): string => plots.find((plot) => plot.name === name)?.svg ?? "";

  it("has a section for each report, and for where others are better", () => {
    expect(page.match(/^## .*/gm)).toEqual([
      "## At a glance",
      "## Latency",
      "## Growth",
      "## Ten minutes at full rate",
      "## Where others are better",
    ]);
    expect(page).toContain("- Processor: one");
    expect(page).toContain("| 10 KiB, 64 connections | `a & b` | 9.2 CPU µs a request | 0.50 |");
  });

  it("shows each picture that is made, with its numbers in words", () => {
    const named = [...page.matchAll(/!\[(.*)\]\(pictures\/(.*)\.svg\)/g)].map(([, , name]) => name);
    expect(named).toEqual(plots.map(({ name }) => name));
    expect(named).toEqual(["bench-10-kib-64-connections", "bench-growth-offload-rules", "bench-leak"]);
    expect(page).toContain(
      "![10 KiB, 64 connections, CPU µs a request: downloadview 18.5, a & b 9.2, bare (limit) 37]",
    );
  });

  it("draws bars in order, with the longest as wide as the picture", () => {
    const svg = svgOf("bench-10-kib-64-connections");
    expect([...svg.matchAll(/<rect x="0" y="\d+" width="(\d+)"/g)].map(([, width]) => width)).toEqual([
      "90",
      "180",
      "360",
    ]);
    expect(svg).toContain(">a &amp; b<");
    expect(svg).not.toContain("broken");
  });

  it("leaves out of a line what was not measured", () => {
    const lines = [...svgOf("bench-growth-offload-rules").matchAll(/<polyline points="([^"]*)"/g)];
    expect(lines.map(([, points = ""]) => points.split(" ").length)).toEqual([2, 1]);
    expect(svgOf("bench-growth-offload-rules")).toContain(">1k<");
  });

  it("has no text that would be smaller than 12 pixels on a phone", () => {
    for (const { svg } of plots) {
      expect(svg).toContain('viewBox="0 0 360 ');
      for (const [, size] of svg.matchAll(/font-size="(\d+)"/g)) expect(Number(size)).toBeGreaterThanOrEqual(12);
    }
  });

  it("has no section for a report that was not made", () => {
    expect(pageOf({ results, growth: "", leak: "" }).page).not.toMatch(/^## (?:Growth|Ten minutes)/m);
  });
});
