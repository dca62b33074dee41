import { writeFile } from "node:fs/promises";
import { Child } from "../harness/child.ts";
import { fileSizes, Fixtures, GIB, MIB } from "../harness/fixtures.ts";
import { describeMachine, limitSocketBuffers, LOAD_CORE } from "../harness/machine.ts";
import type { BenchOptions } from "../harness/options.ts";
import { valueOf } from "../harness/report.ts";
import { measureWorkload } from "../harness/tournament.ts";
import { type Dimension, dimensions, workloadAt } from "./dimensions.ts";
import { formatDimension, formatGrowth, type Growth } from "./report.ts";

const RESULTS = new URL("../GROWTH.md", import.meta.url);

/** Measures all that grows, writes GROWTH.md, and returns whether it was written. */
export async function measureGrowth({ quick, rounds, only, output }: BenchOptions): Promise<boolean> {
  const fixtures = await Fixtures.create(fileSizes({ large: quick ? 128 * MIB : GIB }), [], 0);
  const load = await Child.start("load/main.ts", [], LOAD_CORE);
  const selected = dimensions.filter(({ name }) => only.length === 0 || only.includes(name));
  const all: Growth[] = [];
  try {
    for (const dimension of selected) {
      const points = quick ? dimension.points.slice(0, 3) : dimension.points;
      const growth = await measureDimension(dimension, points, Math.min(rounds, 3), load, fixtures);
      console.log(`${formatDimension(growth)}\n`);
      all.push(growth);
    }
  } finally {
    await load.stop();
  }
  const file = output ?? (quick || only.length > 0 ? undefined : RESULTS);
  if (file) await writeFile(file, formatGrowth(all, describeMachine()));
  return file === RESULTS;
}

async function measureDimension(
  dimension: Dimension,
  points: readonly number[],
  rounds: number,
  load: Child,
  fixtures: Fixtures,
): Promise<Growth> {
  const rows: Growth["rows"][number][] = [];
  const restore = dimension.socketBuffer === undefined ? () => {} : limitSocketBuffers(dimension.socketBuffer);
  try {
    for (const point of points) {
      dimension.prepare?.(fixtures.root, point);
      const { workload, servers } = await measureWorkload(workloadAt(dimension, point), rounds, load, fixtures);
      const values = servers.map((server) => ({
        value: valueOf(workload.figures[0], server),
        failure: server.failure,
      }));
      rows.push({ point, values });
    }
  } finally {
    restore();
  }
  const { name, unit, note, servers } = dimension;
  return { name, unit, note, servers: servers.map(({ title, limit }) => (limit ? `${title} (limit)` : title)), rows };
}
