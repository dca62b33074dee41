import { formatTable } from "../harness/tables.ts";

/** What a request cost at each size of one thing. */
export interface Growth {
  readonly name: string;
  readonly unit: string;
  readonly note: string;
  /** Ours first. */
  readonly servers: readonly string[];
  readonly rows: readonly {
    readonly point: number;
    readonly values: readonly { readonly value: number; readonly failure: string | undefined }[];
  }[];
}

/**
 * What grows with the logarithm adds as much in each tenfold as in the one before, so that it at most doubles in any but the first. What
 * grows with the root is 3.2 times as much after a tenfold, and what grows with the number itself ten times.
 */
const MOST_IN_A_TENFOLD = 2;

export function formatGrowth(all: readonly Growth[], machine: readonly string[]): string {
  const sections = [
    "# Growth",
    "Made by `npm run bench -- --growth`. CPU µs a request, medians of 3 rounds, a fresh process for each number. What grows with the " +
      "logarithm of the number at most doubles in the last tenfold; what grows with its root is 3.2 times as much, and what grows with the " +
      "number ten times.",
    machine.map((line) => `- ${line}`).join("\n"),
    formatSummary(all),
    ...all.map(formatDimension),
  ];
  return `${sections.join("\n\n")}\n`;
}

function formatSummary(all: readonly Growth[]): string {
  const rows = all.map((growth) => {
    const { first, last, whole, tenfold } = changeOf(growth);
    const verdict = !(tenfold <= MOST_IN_A_TENFOLD) ? "worse than logarithmic" : "no worse than logarithmic";
    return [
      `${grouped(first)} to ${grouped(last)} ${growth.unit}`,
      `× ${whole.toFixed(2)}`,
      `× ${tenfold.toFixed(2)}`,
      Number.isNaN(tenfold) ? "not measured" : verdict,
    ];
  });
  return `## Summary\n\n${formatTable(["From … to", "in all", "in the last tenfold", ""], rows)}`;
}

/** How many times as much a request to our server costs at the last number as at the first, and as at the last but one. */
export function changeOf({ rows }: Growth): { first: number; last: number; whole: number; tenfold: number } {
  const values = rows.map(({ values: [ours] }) => ours?.value ?? Number.NaN);
  const [first, beforeLast, last] = [values[0], values.at(-2), values.at(-1)].map((value) => value ?? Number.NaN);
  return {
    first: rows[0]?.point ?? 0,
    last: rows.at(-1)?.point ?? 0,
    whole: last! / first!,
    tenfold: last! / beforeLast!,
  };
}

export function formatDimension({ unit, note, servers, rows }: Growth): string {
  const lines = rows.map(({ point, values }) => [
    grouped(point),
    ...values.map(({ value, failure }) => (failure === undefined ? value.toFixed(1) : failure.slice(0, 60))),
  ]);
  return `## ${unit[0]?.toUpperCase()}${unit.slice(1)}\n\n${note}\n\n${formatTable([unit, ...servers], lines)}`;
}

export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
