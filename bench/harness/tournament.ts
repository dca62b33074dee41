import type { ServerEntry } from "../servers.ts";
import type { Workload } from "../workloads.ts";
import type { Child } from "./child.ts";
import { Contestant } from "./contestant.ts";
import type { Measured } from "./figures.ts";
import { freshRounds } from "./plan.ts";
import type { Fixtures } from "./fixtures.ts";

/** What a workload came to: the rounds of each server, or why it has none. */
export interface WorkloadResult {
  readonly workload: Workload;
  readonly servers: readonly ServerResult[];
}

export interface ServerResult {
  readonly entry: ServerEntry;
  readonly rounds: Measured[];
  failure?: string;
}

/** Measures all servers in turn (A B C, A B C, …), so that what disturbs the machine disturbs them all. */
export async function measureWorkload(
  workload: Workload,
  rounds: number,
  load: Child,
  fixtures: Fixtures,
): Promise<WorkloadResult> {
  const servers: ServerResult[] = workload.servers.map((entry) => ({ entry, rounds: [] }));
  if (workload.fresh)
    for (let i = 0; i < freshRounds(rounds); i++) await measureSeries(workload, servers, 1, load, fixtures);
  else await measureSeries(workload, servers, rounds, load, fixtures);
  return { workload, servers };
}

async function measureSeries(
  workload: Workload,
  servers: readonly ServerResult[],
  rounds: number,
  load: Child,
  fixtures: Fixtures,
): Promise<void> {
  const contestants = new Map<ServerResult, Contestant>();
  try {
    for (const server of servers) {
      await attempt(server, async () => {
        contestants.set(server, await Contestant.start(server.entry, workload, load, fixtures));
      });
    }
    // What a fresh process does first is slow; what it holds at first is what counts.
    if (!workload.fresh) await inTurn(contestants, (_, contestant) => contestant.warmUp());
    for (let i = 0; i < rounds; i++)
      await inTurn(contestants, async (server, contestant) => server.rounds.push(await contestant.measure()));
  } finally {
    await Promise.all([...contestants.values()].map((contestant) => contestant.stop()));
  }
}

async function inTurn(
  contestants: ReadonlyMap<ServerResult, Contestant>,
  action: (server: ServerResult, contestant: Contestant) => Promise<unknown>,
): Promise<void> {
  for (const [server, contestant] of contestants) await attempt(server, () => action(server, contestant));
}

/** A server that failed once is out: a figure of its other rounds would not be worth what the others' are. */
async function attempt(server: ServerResult, action: () => Promise<unknown>): Promise<void> {
  if (server.failure !== undefined) return;
  try {
    await action();
  } catch (error) {
    server.failure = (error as Error).message;
  }
}
