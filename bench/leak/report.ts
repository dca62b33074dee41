import { formatTable } from "../harness/tables.ts";
import { median } from "../harness/statistics.ts";
import type { Memory } from "../harness/protocol.ts";

/** What the server held at a time, after that many requests. */
export interface Sample extends Memory {
  readonly seconds: number;
  readonly requests: number;
}

interface Measure {
  readonly title: string;
  readonly of: (sample: Sample) => number;
  /** How much the last quarter may be above the second one and still be called flat: a part of it, and so much besides. */
  readonly tolerance: { readonly part: number; readonly absolute: number };
}

/** The resident set includes what the allocator keeps for later. */
export const measures: readonly Measure[] = [
  { title: "heap, MB", of: ({ heapBytes }) => heapBytes / 1e6, tolerance: { part: 0.03, absolute: 0.5 } },
  { title: "buffers, MB", of: ({ externalBytes }) => externalBytes / 1e6, tolerance: { part: 0.03, absolute: 1 } },
  { title: "RSS, MB", of: ({ rssBytes }) => rssBytes / 1e6, tolerance: { part: 0.05, absolute: 5 } },
  { title: "handles", of: ({ handles }) => handles, tolerance: { part: 0, absolute: 0 } },
  { title: "descriptors", of: ({ descriptors = Number.NaN }) => descriptors, tolerance: { part: 0, absolute: 0 } },
];

export function formatLeak(samples: readonly Sample[], machine: readonly string[]): string {
  const shown = evenly(samples, 13);
  const lines = shown.map((sample) => [
    String(Math.round(sample.seconds)),
    sample.requests.toLocaleString("en-US"),
    ...measures.map((measure) => measure.of(sample).toFixed(measure.title.endsWith("MB") ? 1 : 0)),
  ]);
  const sections = [
    "# Ten minutes at full rate",
    "Made by `npm run bench -- --leak`. Small files, 10,000 files, 1 MiB, ranges, missing files, limited links, generated bodies, clients that " +
      "leave and large downloads, in turn, each as fast as the server answers. What it holds is read after each round, when all clients " +
      "have gone and the garbage is collected.",
    machine.map((line) => `- ${line}`).join("\n"),
    `## Summary\n\n${formatTable(["What", "second quarter", "last quarter", ""], changes(samples))}`,
    `## Samples\n\n${formatTable(["seconds", "requests", ...measures.map(({ title }) => title)], lines)}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

function changes(samples: readonly Sample[]): readonly (readonly string[])[] {
  const quarter = samples.length / 4;
  return measures.map(({ title, of, tolerance }) => {
    const before = median(samples.slice(Math.floor(quarter), Math.ceil(2 * quarter)).map(of));
    const after = median(samples.slice(Math.floor(3 * quarter)).map(of));
    const bound = before * (1 + tolerance.part) + tolerance.absolute;
    const verdict = Number.isNaN(after) ? "not measured" : after <= bound ? "flat" : "grows";
    return [title, before.toFixed(1), after.toFixed(1), verdict];
  });
}

/** At most so many of them, with the first and the last. */
function evenly<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, at) => all[Math.round((at * (all.length - 1)) / (count - 1))]!);
}
