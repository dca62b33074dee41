import { describe, expect, it } from "vitest";
import { limitRate } from "./limit-rate.ts";

async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

function clock(): {
  now: () => number;
  delay: (milliseconds: number) => Promise<void>;
  pass(milliseconds: number): void;
} {
  let time = 0;
  const pass = (milliseconds: number): void => void (time += milliseconds);
  return { now: () => time, delay: async (milliseconds) => pass(milliseconds), pass };
}

describe("limitRate", () => {
  it("sends so many bytes a second, in tenths of a second, whatever the chunks are", async () => {
    const { now, delay } = clock();
    const times: [time: number, size: number][] = [];
    for await (const piece of limitRate(chunks(250, 1, 249), 1000, now, delay)) times.push([now(), piece.byteLength]);
    expect(times).toEqual([
      [0, 100],
      [100, 100],
      [200, 50],
      [250, 1],
      [251, 100],
      [351, 100],
      [451, 49],
    ]);
  });

  it("does not send in a burst what a slow reader left", async () => {
    const { now, delay, pass } = clock();
    const times: number[] = [];
    for await (const _ of limitRate(chunks(400), 1000, now, delay)) {
      times.push(now());
      if (times.length === 2) pass(10_000);
    }
    expect(times).toEqual([0, 100, 10_200, 10_300]);
  });

  it("moves a byte at a time where the rate is that low", async () => {
    const { now, delay } = clock();
    const sizes: number[] = [];
    for await (const piece of limitRate(chunks(3), 2, now, delay)) sizes.push(piece.byteLength);
    expect([sizes, now()]).toEqual([[1, 1, 1], 1000]);
  });
});
