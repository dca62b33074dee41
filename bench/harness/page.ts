/** The page of the documentation, and its plots, made of the reports of `npm run bench`. */
import { barPlot, linePlot } from "./plots.ts";
import { formatTable, introductionOf, numberIn, slugOf, type Table, tablesIn } from "./tables.ts";

/** What `npm run bench` wrote, with `--growth` and with `--leak`. Empty if that was not run. */
export interface Reports {
  readonly results: string;
  readonly growth: string;
  readonly leak: string;
}

export interface Plot {
  /** Its file in docs/pictures/, without the extension. */
  readonly name: string;
  readonly svg: string;
  readonly description: string;
}

interface Section {
  readonly title: string;
  readonly text: string;
  /** What is shown as a plot: titles of tables. */
  readonly plotted: readonly string[];
  /** What is shown as a table, beside those. */
  readonly listed?: RegExp;
}

const sections: readonly Section[] = [
  {
    title: "At a glance",
    text: "Files on a local disk, and what a server holds while its clients stall.",
    plotted: [
      "10 KiB, 64 connections",
      "1 MiB, 64 connections",
      "1 GiB, 16 connections",
      "1 GiB, 500 readers that stall",
    ],
    listed: /^(?:304 by|1 KiB range)/,
  },
  {
    title: "Many files",
    text:
      "10,000 files of 10 KiB are 98 MiB, and `localFileCache.maxBytes` is 32 MiB unless you set it. “Room for all” has 256 MiB, “no room” has none. " +
      "By Zipf's law, the second file is requested half as often as the first, the third a third as often.",
    plotted: ["10,000 files of 10 KiB, requested by Zipf's law, 64 connections"],
    listed: /^10,000 files of 10 KiB, requested uniformly/,
  },
  {
    title: "Latency",
    text:
      "16 clients download 1 GiB as fast as they can, and others ask for 500 small files a second, however slow the server is. A server that sends more " +
      "of the large files has less time for the small ones: the last column says how much it sent. The delay of the event loop includes the " +
      "millisecond of the timer that measures it.",
    plotted: [],
    listed: /^500 files of 10 KiB a second/,
  },
  {
    title: "TLS and HTTP/2",
    text: "HTTP/2 is over TLS, by Node's compatibility API. The certificate is made when the server starts.",
    plotted: ["https, 10 KiB, 64 connections", "HTTP/2, 10 KiB, 16 connections of 4 streams"],
    listed: /^(?:https|HTTP\/2), 1 MiB/,
  },
  {
    title: "Through a framework",
    text: "In processes that hold 10 MB of objects, as an application may. RESULTS.md has the same for 0 and for 50 MB.",
    plotted: [
      "Express, 10 KiB, 64 connections",
      "Web `Response` through Hono, 10 KiB, 64 connections",
      "Web `Response` through srvx, 10 KiB, 64 connections",
    ],
    listed: /^(?:Express|Web `Response` through \w+), 1 (?:MiB|GiB)[^:]*(?<!held)$/,
  },
  {
    title: "Generated and kept",
    text:
      "Rows that a generator yields one at a time, and files that `keepFiles` keeps: a hit is sent from the disk, a miss is written to it, and " +
      "the file without `keepFiles` is beside them.",
    plotted: ["Generated stream of 200,000 rows of 40 bytes, 1 connection"],
    listed: /^(?:Kept files|Generated stream, its)/,
  },
];

/** The page, in Markdown, and its plots. */
export function pageOf({ results, growth, leak }: Reports): { page: string; plots: readonly Plot[] } {
  const tables = tablesIn(results).filter(({ title }) => title !== "Summary");
  const { text, machine } = introductionOf(results);
  const plots: Plot[] = [];
  const shown = (plot: Plot): string => {
    plots.push(plot);
    return `![${plot.description}](pictures/${plot.name}.svg)`;
  };
  const parts = [
    `# Benchmarks

How much processor time and memory a download costs, here and in other packages. One command measures all of it, and writes this
page: \`npm run bench\`. Every table is in [bench/RESULTS.md](../bench/RESULTS.md), how it is measured in
[bench/README.md](../bench/README.md).

${text}

${machine.trim()}`,
    ...sections.flatMap((section) => formatSection(section, tables, shown)),
    ...(growth === "" ? [] : formatGrowth(growth, shown)),
    ...(leak === "" ? [] : formatLeak(leak, shown)),
    `## Where others are better

Peers, and the limits that no package can go below: a server that has the bytes in memory, or nginx.

${formatTable(["Workload", "Server", "Its figure", "÷ ours"], tables.flatMap(betterThanOurs))}`,
  ];
  return { page: `${parts.join("\n\n")}\n`, plots };
}

function formatSection(
  { title, text, plotted, listed }: Section,
  tables: readonly Table[],
  shown: (plot: Plot) => string,
): readonly string[] {
  const pictures = tables.filter((table) => plotted.includes(table.title)).map((table) => shown(plotOf(table)));
  const others = tables
    .filter((table) => listed?.test(table.title))
    .map((table) => `### ${table.title}\n\n${formatTable(table.head, table.rows)}`);
  return pictures.length + others.length === 0 ? [] : [`## ${title}`, text, ...pictures, ...others];
}

function plotOf({ title, head, rows }: Table): Plot {
  const bars = rows.flatMap(([server = "", cell]) => {
    const value = numberIn(cell);
    const kind = isOurs(server) ? "ours" : server.endsWith("(limit)") ? "limit" : "peer";
    return value === undefined ? [] : [{ label: plain(server), value, kind } as const];
  });
  const figure = head[1] ?? "";
  const values = bars.map(({ label, value }) => `${label} ${value}`);
  const description = `${plain(title)}, ${figure}: ${values.join(", ")}`;
  const name = `bench-${slugOf(title)}`;
  return { name, description, svg: barPlot({ id: name, title: plain(title), figure, description }, bars) };
}

function formatGrowth(report: string, shown: (plot: Plot) => string): readonly string[] {
  const { text } = introductionOf(report);
  const [summary, ...tables] = tablesIn(report);
  if (!summary) return [];
  return [
    "## Growth",
    text,
    formatTable(summary.head, summary.rows),
    ...tables.flatMap((table) => [
      `### ${table.title}`,
      table.text,
      formatTable(table.head, table.rows),
      shown(growthPlotOf(table)),
    ]),
  ];
}

function growthPlotOf({ title, head, rows }: Table): Plot {
  const name = `bench-growth-${slugOf(title)}`;
  const places = rows.map(([count = ""]) => count.replace(/,000,000$/, "M").replace(/,000$/, "k"));
  const lines = head
    .slice(1)
    .map((label, at) => ({ label: plain(label), values: rows.map((cells) => numberIn(cells[at + 1])) }));
  const values = lines.map(({ label, values }) => `${label} ${values.map((value) => value ?? "–").join(", ")}`);
  const figure = "CPU µs a request";
  const description = `${title} ${places.join(", ")}, ${figure}: ${values.join("; ")}`;
  return { name, description, svg: linePlot({ id: name, title, figure, description }, places, lines) };
}

function formatLeak(report: string, shown: (plot: Plot) => string): readonly string[] {
  const [summary, samples] = tablesIn(report);
  if (!summary || !samples) return [];
  return [
    "## Ten minutes at full rate",
    introductionOf(report).text,
    formatTable(summary.head, summary.rows),
    shown(leakPlotOf(samples)),
  ];
}

function leakPlotOf({ head, rows }: Table): Plot {
  const name = "bench-leak";
  const places = rows.map(([seconds = ""], at) => (at % 3 === 0 ? `${Math.round(Number(seconds) / 60)} min` : ""));
  const lines = ["RSS, MB", "buffers, MB", "heap, MB"].map((label) => {
    const column = head.indexOf(label);
    return { label, values: rows.map((cells) => numberIn(cells[column])).map((value) => value && Math.round(value)) };
  });
  const values = lines.map(({ label, values }) => `${label}: ${values.join(", ")}`);
  const title = "Ten minutes at full rate";
  const description = `${title}. ${values.join(". ")}`;
  return {
    name,
    description,
    svg: linePlot({ id: name, title, figure: "MB when all clients have gone", description }, places, lines),
  };
}

function betterThanOurs({ title, head, rows }: Table): readonly (readonly string[])[] {
  return rows
    .filter(([server = "", , ratio]) => (numberIn(ratio) ?? 1) < 1 && !isOurs(server))
    .map(([server = "", value = "", ratio = ""]) => [title, server, `${value} ${head[1]}`, Number(ratio).toFixed(2)]);
}

function isOurs(server: string): boolean {
  return server.startsWith("downloadview");
}

function plain(text: string): string {
  return text.replaceAll("`", "");
}
