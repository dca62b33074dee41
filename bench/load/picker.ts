import type { Pick } from "../harness/protocol.ts";

/** Returns the numbers of the files that are requested, one after the other: always the same, so that all servers get the same. */
export function pickerOf({ of, distribution }: Pick): () => number {
  let last = -1;
  if (distribution === "each") return () => ++last % of;
  const random = seededRandom(1);
  if (distribution === "uniform") return () => Math.floor(random() * of);
  const shares = cumulativeShares(of);
  return () => firstAbove(shares, random());
}

/** Of the files 0 to n, how large a part of the requests is for them: file n is requested 1 / (n + 1) times as often as file 0. */
function cumulativeShares(of: number): Float64Array {
  const shares = new Float64Array(of);
  let sum = 0;
  for (let at = 0; at < of; at++) shares[at] = sum += 1 / (at + 1);
  return shares.map((share) => share / sum);
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Numbers from 0 to 1 (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
