import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Figure } from "./figures.ts";
import { median } from "./statistics.ts";
import { formatTable } from "./tables.ts";
import type { ServerResult, WorkloadResult } from "./tournament.ts";

/** All tables, in Markdown. */
export function formatReport(results: readonly WorkloadResult[], machine: readonly string[]): string {
  const sections = [
    "# Benchmark results",
    `Made by \`npm run bench\`. Medians of ${roundsOf(results)} rounds, half as many of those about memory and descriptors, servers in turn. ${explanation}`,
    machine.map((line) => `- ${line}`).join("\n"),
    `Versions: ${versionsOf(results).join(", ")}.`,
    formatSummary(results),
    ...results.map(formatResult),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** There are fewer for the last workloads where the first ones took long. */
function roundsOf(results: readonly WorkloadResult[]): string {
  const counts = results
    .filter(({ workload }) => !workload.fresh)
    .flatMap(({ servers }) =>
      servers.filter(({ failure }) => failure === undefined).map(({ rounds }) => rounds.length),
    );
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? String(most) : `${least} to ${most}`;
}

const explanation =
  "CPU time is that of the server's process, all its threads, user and system. “÷ ours” is a server's figure over " +
  "downloadview's: above 1, downloadview is the better. A limit is no peer: it shows how far anybody could get. " +
  "GB and MB are powers of ten. A server that does not do what is asked is not measured, and the table says what it did.";

/** One workload: a line a server. */
export function formatResult({ workload, servers }: WorkloadResult): string {
  const [main, ...rest] = workload.figures;
  const header = ["Server", main.title, "÷ ours", ...rest.map((figure) => figure.title)];
  const ours = servers[0] && valueOf(main, servers[0]);
  const rows = servers.map((server) => [titleOf(server), ...formatServer(server, main, rest, ours)]);
  return `## ${workload.title}\n\n${formatTable(header, rows)}`;
}

function formatServer(
  server: ServerResult,
  main: Figure,
  rest: readonly Figure[],
  ours: number | undefined,
): readonly string[] {
  if (server.rounds.length === 0 || server.failure !== undefined)
    return [reasonOf(server.failure ?? "not measured"), "", ...rest.map(() => "")];
  const value = valueOf(main, server);
  return [
    formatNumber(value, main.digits),
    formatRatio(value, ours),
    ...rest.map((figure) => formatNumber(valueOf(figure, server), figure.digits)),
  ];
}

/** Why a server was not measured, as a cell of a table. */
function reasonOf(failure: string): string {
  return (failure.split("\n")[0] ?? "").replaceAll("|", "/").trim().slice(0, 80);
}

/** A line a workload, and one more for each other way to use ours: ours, and the best peer. */
export function formatSummary(results: readonly WorkloadResult[]): string {
  const rows = results.flatMap(({ workload, servers }) => {
    const [main] = workload.figures;
    const best = bestPeer(main, servers.slice(1));
    return servers
      .filter(({ entry }, at) => at === 0 || entry.ours)
      .map((ours) => {
        const value = valueOf(main, ours);
        return [
          workload.title,
          titleOf(ours),
          main.title,
          formatNumber(value, main.digits),
          best ? titleOf(best) : "",
          best ? formatNumber(valueOf(main, best), main.digits) : "",
          best ? formatRatio(valueOf(main, best), value) : "",
        ];
      });
  });
  const head = ["Workload", "Ours", "Figure", "its figure", "Best peer", "its figure", "peer ÷ ours"];
  return `## Summary\n\n${formatTable(head, rows)}`;
}

function bestPeer(figure: Figure, others: readonly ServerResult[]): ServerResult | undefined {
  const peers = others.filter(
    (server) => !server.entry.limit && !server.entry.ours && !Number.isNaN(valueOf(figure, server)),
  );
  return peers.toSorted((a, b) => valueOf(figure, a) - valueOf(figure, b))[0];
}

export function valueOf(figure: Figure, server: ServerResult): number {
  return server.failure === undefined ? median(server.rounds.map((round) => figure.of(round))) : Number.NaN;
}

function titleOf({ entry }: ServerResult): string {
  return entry.limit ? `${entry.title} (limit)` : entry.title;
}

function formatNumber(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** Of nothing to compare with, nothing. */
function formatRatio(value: number, ours: number | undefined): string {
  return ours === undefined || !(ours > 0) || Number.isNaN(value) ? "–" : (value / ours).toFixed(2);
}

function versionsOf(results: readonly WorkloadResult[]): readonly string[] {
  const names = results.flatMap(({ servers }) => servers.flatMap(({ entry }) => entry.packages));
  const peers = [...new Set(names)].toSorted().map((name) => `${name} ${versionOf(`../node_modules/${name}`)}`);
  return [`downloadview ${versionOf("../..")}`, ...peers, ...nginxVersion()];
}

function versionOf(folder: string): string {
  const manifest = readFileSync(new URL(`${folder}/package.json`, import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Empty where it is not installed. It writes to stderr: `nginx version: nginx/1.22.1`. */
function nginxVersion(): readonly string[] {
  const { stderr } = spawnSync("nginx", ["-v"], { encoding: "utf8" });
  return stderr ? [stderr.trim().replace("nginx version: nginx/", "nginx ")] : [];
}
