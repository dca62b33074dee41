import type { Load } from "./protocol.ts";
import type { Workload } from "../workloads.ts";

/** The longest that a whole run may take, in seconds. */
export const BUDGET_SECONDS: number = 27 * 60;

/** Fewer would not be worth the name of a median. */
const LEAST_ROUNDS = 3;

/** How many rounds' time a server warms up. */
export const WARM_UP: number = 4;

/** How many rounds a workload has whose servers start anew for each: half as many. */
export function freshRounds(rounds: number): number {
  return Math.max(1, Math.floor(rounds / 2));
}

/** About how long a workload takes, in seconds. */
export function estimate(workload: Workload, rounds: number): number {
  const { load, servers, request, fresh } = workload;
  const isLarge = request.kind === "file" && request.file === "large.bin";
  const round = 0.1 + secondsOf(load) + (load.kind === "requests" && isLarge && !request.range ? 1 : 0);
  const start = 0.6 + (isLarge && !request.range ? 1 : 0);
  if (fresh) return servers.length * freshRounds(rounds) * (start + round + 1);
  const warmUp = load.kind === "requests" ? (load.pick ? 2 : WARM_UP * load.seconds) : secondsOf(load);
  return servers.length * (start + warmUp + rounds * round);
}

function secondsOf(load: Load): number {
  switch (load.kind) {
    case "cut-downloads":
    case "beside":
      return load.seconds + 0.4;
    case "aborts":
      return 1.2;
    case "first-byte":
      return load.requests * 0.022;
    default:
      return load.seconds;
  }
}

/**
 * How many rounds the next workload gets, so that the whole run ends in time: all that were asked for, or as few as three.
 *
 * @param pace - how much longer than estimated the workloads have taken so far
 */
export function roundsWithin(
  remaining: readonly Workload[],
  rounds: number,
  secondsLeft: number,
  pace: number,
): number {
  const takes = (count: number): number =>
    pace * remaining.reduce((sum, workload) => sum + estimate(workload, count), 0);
  for (let count = rounds; count > LEAST_ROUNDS; count--) if (takes(count) <= secondsLeft) return count;
  return Math.min(rounds, LEAST_ROUNDS);
}
