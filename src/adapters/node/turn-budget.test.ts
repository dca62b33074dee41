import { expect, it } from "vitest";
import { turnFor } from "./turn-budget.ts";

const mebibyte = 1024 * 1024;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

it("Two MiB are written in one turn of the event loop, and the rest in the next ones, in order", async () => {
  await nextTurn();
  const written: number[] = [];
  const write = async (number: number): Promise<void> => {
    const turn = turnFor(mebibyte);
    if (turn) await turn;
    written.push(number);
  };
  const all = Promise.all([1, 2, 3, 4, 5, 6, 7].map(write));
  const counts = [written.length];
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    counts.push(written.length);
  }
  await all;
  expect(counts).toEqual([2, 4, 6, 7]);
  expect(written).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("One download that writes a MiB a turn never waits", async () => {
  for (let turn = 0; turn < 5; turn++) {
    await nextTurn();
    expect(turnFor(mebibyte)).toBeUndefined();
  }
});

it("Small chunks wait for none", async () => {
  await nextTurn();
  void turnFor(2 * mebibyte);
  expect(turnFor(64 * 1024)).toBeUndefined();
  expect(turnFor(mebibyte)).toBeInstanceOf(Promise);
  await nextTurn();
});
