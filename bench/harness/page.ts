/** The page of the documentation, and its plots, made of bench/RESULTS.md. */

export interface Plot {
  /** Its file in docs/pictures/, without the extension. */
  readonly name: string;
  readonly svg: string;
}

interface Row {
  readonly server: string;
  readonly value: number;
  readonly ratio: number;
}

interface Table {
  readonly title: string;
  readonly figure: string;
  readonly rows: readonly Row[];
}

/** What is shown as a plot: a part of each title. */
const plotted = [
  "10 KiB, 64 connections",
  "1 MiB, 64 connections",
  "1 GiB, 16 connections",
  "1 GiB, 500 readers that stall",
  "Express, 10 KiB, 64 connections",
  "Web `Response` through Hono, 10 KiB, 64 connections",
  "Generated stream of 200,000 rows of 40 bytes, 1 connection",
];

export function plotsOf(results: string): readonly Plot[] {
  return tablesIn(results)
    .filter(({ title }) => plotted.includes(title))
    .map((table) => ({ name: `bench-${slugOf(table.title)}`, svg: plot(table) }));
}

/** The page, in Markdown. */
export function pageOf(results: string): string {
  const tables = tablesIn(results);
  const [, introduction = "", machine = ""] = /^# .*\n\n(.+)\n\n((?:- .*\n)+)/m.exec(results) ?? [];
  const pictures = tables
    .filter(({ title }) => plotted.includes(title))
    .map((table) => `![${describe(table)}](pictures/bench-${slugOf(table.title)}.svg)`);
  const better = tables.flatMap(({ title, figure, rows }) =>
    rows.filter(({ server, ratio }) => ratio < 1 && !isOurs(server)).map((row) => ({ title, figure, ...row })),
  );
  const lines = better.map(
    ({ title, figure, server, value, ratio }) => `| ${title} | ${server} | ${value} ${figure} | ${ratio.toFixed(2)} |`,
  );
  return `# Benchmarks

How much processor time and memory a download costs, here and in other packages. One command measures all of it, and writes this
page: \`npm run bench\`. Every table is in [bench/RESULTS.md](../bench/RESULTS.md), how it is measured in
[bench/README.md](../bench/README.md).

${introduction}

${machine}
## At a glance

${pictures.join("\n\n")}

## Where others are better

Peers, and the limits that no package can go below: a server that has the bytes in memory, or nginx.

| Workload | Server | Its figure | ÷ ours |
| --- | --- | ---: | ---: |
${lines.join("\n")}
`;
}

function tablesIn(results: string): readonly Table[] {
  return results
    .split(/^## /m)
    .slice(1)
    .filter((section) => !section.startsWith("Summary\n"))
    .map((section) => {
      const [head = "", , ...rows] = section.match(/^\|.*\|$/gm) ?? [];
      const title = section.slice(0, section.indexOf("\n"));
      return {
        title,
        figure: cellsOf(head)[1] ?? "",
        rows: rows.map(rowOf).filter(({ value }) => Number.isFinite(value)),
      };
    });
}

function rowOf(line: string): Row {
  const [server = "", value = "", ratio = ""] = cellsOf(line);
  return { server, value: value === "" ? Number.NaN : Number(value), ratio: ratio === "" ? Number.NaN : Number(ratio) };
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

function isOurs(server: string): boolean {
  return server.startsWith("downloadview");
}

function slugOf(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

const left = 300;
const width = 300;
const step = 24;
const top = 34;

function plot(table: Table): string {
  const rows = table.rows.toSorted((a, b) => a.value - b.value);
  const longest = Math.max(...rows.map(({ value }) => value));
  const id = slugOf(table.title);
  const bars = rows.map(({ server, value }, at) => {
    const y = top + at * step;
    const length = Math.max(1, Math.round((value / longest) * width));
    const weight = isOurs(server) ? ' font-weight="600"' : "";
    const opacity = isOurs(server) ? 0.9 : server.endsWith("(limit)") ? 0.12 : 0.3;
    return [
      `  <text x="${left - 8}" y="${y + 14}" text-anchor="end"${weight}>${escaped(server.replaceAll("`", ""))}</text>`,
      `  <rect x="${left}" y="${y + 2}" width="${length}" height="16" rx="2" fill-opacity="${opacity}"/>`,
      `  <text x="${left + length + 6}" y="${y + 14}"${weight}>${value}</text>`,
    ].join("\n");
  });
  const height = top + rows.length * step + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" width="720" role="img" aria-labelledby="${id}-title" fill="currentColor" font-family="system-ui, sans-serif" font-size="13">
  <title id="${id}-title">${escaped(describe(table))}</title>
  <style>:root { color: #1f2328 } @media (prefers-color-scheme: dark) { :root { color: #e6edf3 } }</style>
  <text x="0" y="18" font-size="14" font-weight="600">${escaped(table.title.replaceAll("`", ""))}: ${escaped(table.figure)}, less is better</text>
${bars.join("\n")}
</svg>
`;
}

function describe({ title, figure, rows }: Table): string {
  const values = rows.map(({ server, value }) => `${server.replaceAll("`", "")} ${value}`);
  return `${title.replaceAll("`", "")}, ${figure}: ${values.join(", ")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
