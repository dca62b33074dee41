import { describe, expect, it } from "vitest";
import { largeLayout } from "./probes.ts";
import { wasKeptWaiting, wasTakenEarly } from "./stream-probes.ts";

const parts = largeLayout.parts.long;
const evenly = (step: number): number[] => Array.from({ length: parts }, (_, part) => part * step);
const stalled = (at: number, until: number): number[] =>
  evenly(1).map((time, part) => (part < at ? time : until + time));

describe("the times at which an application made the parts of a body, while the client paused for 400 ms", () => {
  it.each([
    ["a server that takes everything at once", evenly(2), { waiting: false, early: true }],
    ["the same on a slow machine", evenly(30), { waiting: false, early: false }],
    [
      "the same with an idle time",
      evenly(2).map((time, part) => (part < 4 ? time : 250 + time)),
      { waiting: false, early: true },
    ],
    ["a server that stops after eight parts", stalled(8, 400), { waiting: true, early: false }],
    ["a server that stops after one part", stalled(1, 400), { waiting: true, early: false }],
    ["a body that did not arrive", [], { waiting: false, early: false }],
  ])("%s", (_, stamps, { waiting, early }) => {
    expect([wasKeptWaiting(stamps, 400), wasTakenEarly(stamps, 400)]).toEqual([waiting, early]);
  });
});
