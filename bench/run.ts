import { writeFile } from "node:fs/promises";
import { measureGrowth } from "./growth/run.ts";
import { Child } from "./harness/child.ts";
import { Fixtures, fileSizes, GIB, MIB, OWN_FILE, OWN_FILES } from "./harness/fixtures.ts";
import { describeMachine, isIsolated, LOAD_CORE, runIsolated } from "./harness/machine.ts";
import { type BenchOptions, isWholeRun, parseOptions, selectWorkloads, usage } from "./harness/options.ts";
import { BUDGET_SECONDS, estimate, roundsWithin } from "./harness/plan.ts";
import { formatReport, formatResult } from "./harness/report.ts";
import { measureWorkload, type WorkloadResult } from "./harness/tournament.ts";
import { measureLeak } from "./leak/run.ts";
import { writePage } from "./page.ts";
import { type Workload, workloads } from "./workloads.ts";

const RESULTS = new URL("RESULTS.md", import.meta.url);

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const status = isIsolated() ? undefined : runIsolated();
  if (status !== undefined) process.exitCode = status;
  else if (options.growth || options.leak) await measureOther(options);
  else await writeReport(options, await measureAll(selectWorkloads(workloads, options), options));
}

async function measureOther(options: BenchOptions): Promise<void> {
  const isWritten = options.growth ? await measureGrowth(options) : await measureLeak(options);
  if (isWritten) await writePage();
}

async function measureAll(
  selected: readonly Workload[],
  { rounds, quick }: BenchOptions,
): Promise<readonly WorkloadResult[]> {
  const needed = selected.flatMap(({ request }) => (request.kind === "archive" ? [request.folder] : []));
  const ownFiles = selected.some(({ request }) => request.kind === "file" && request.file === OWN_FILE) ? OWN_FILES : 0;
  const fixtures = await Fixtures.create(fileSizes({ large: quick ? 128 * MIB : GIB }), needed, ownFiles);
  const load = await Child.start("load/main.ts", [], LOAD_CORE);
  const results: WorkloadResult[] = [];
  try {
    const start = performance.now();
    let estimated = 0;
    for (const [at, workload] of selected.entries()) {
      const spent = (performance.now() - start) / 1000;
      const pace = estimated > 60 ? spent / estimated : 1;
      const affordable = roundsWithin(selected.slice(at), rounds, BUDGET_SECONDS - spent, pace);
      const result = await measureWorkload(workload, affordable, load, fixtures);
      estimated += estimate(workload, affordable);
      const took = (performance.now() - start) / 1000 - spent;
      console.log(`${formatResult(result)}\n\n(${affordable} rounds, ${took.toFixed(0)} s)\n`);
      results.push(result);
    }
  } finally {
    await load.stop();
  }
  return results;
}

async function writeReport(options: BenchOptions, results: readonly WorkloadResult[]): Promise<void> {
  const output = options.output ?? (isWholeRun(options) ? RESULTS : undefined);
  if (output) await writeFile(output, formatReport(results, describeMachine()));
  if (output === RESULTS) await writePage();
}

// A whole GiB would stay behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 1;
}
