import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it, vi } from "vitest";
import { VirtualFile } from "../files/virtual-file.ts";
import { startDelivery, type Delivery, type DownloadMessage, type DownloadOutcome } from "./delivery.ts";

const request = { method: "GET", url: "/a.txt", headers: { get: () => null } };
const file = new VirtualFile("Hello", { name: "a.txt" });

afterEach(() => void vi.restoreAllMocks());

describe("the outcome of a download", () => {
  const broken = new Error("disk");
  const ends: [name: string, channel: string, end: (delivery: Delivery) => void, outcome: DownloadOutcome][] = [
    [
      "everything was sent",
      "finish",
      (delivery) => delivery.finish(200, 5),
      { kind: "completed", status: 200, bytesSent: 5, completed: true },
    ],
    [
      "a server was told to send the file",
      "finish",
      (delivery) => {
        delivery.handOver();
        delivery.finish(200, 0);
      },
      { kind: "handedOver", status: 200, bytesSent: 0, completed: false },
    ],
    [
      "the client left before a server was told",
      "abort",
      (delivery) => {
        delivery.handOver();
        delivery.abort(200, 0);
      },
      { kind: "aborted", status: 200, bytesSent: 0, completed: false },
    ],
    [
      "the client left",
      "abort",
      (delivery) => delivery.abort(206, 3),
      { kind: "aborted", status: 206, bytesSent: 3, completed: false },
    ],
    [
      "the source failed",
      "error",
      (delivery) => delivery.abort(200, 3, broken),
      { kind: "failed", status: 200, bytesSent: 3, completed: false, error: broken },
    ],
  ];

  it.each(ends)("is told once, and published on one channel: %s", (_, channel, end, outcome) => {
    const published: [string, DownloadMessage][] = [];
    const channels = ["start", "finish", "abort", "error"].map((name) => {
      const listener = (message: unknown): void => void published.push([name, message as DownloadMessage]);
      subscribe(`downloadview:${name}`, listener);
      return () => unsubscribe(`downloadview:${name}`, listener);
    });
    const outcomes: DownloadOutcome[] = [];
    const delivery = startDelivery(request, file, (told) => outcomes.push(told));
    end(delivery);
    delivery.finish(200, 5);
    delivery.abort(200, 0);
    for (const leave of channels) leave();
    expect(outcomes).toEqual([outcome]);
    expect(published).toEqual([
      ["start", { file, request }],
      [channel, { file, request, ...outcome }],
    ]);
  });
});

describe("an onFinish that fails", () => {
  const failures: [name: string, onFinish: () => unknown][] = [
    ["throws", () => fail()],
    ["rejects", async () => fail()],
    ["rejects later", () => Promise.resolve().then(fail)],
  ];

  it.each(failures)("is written to the console once, and stops nothing: %s", async (_, onFinish) => {
    const spy = vi.spyOn(console, "error");
    const written = new Promise<void>((resolve) => void spy.mockImplementation(() => resolve()));
    startDelivery(request, file, onFinish).finish(200, 5);
    await written;
    expect(spy.mock.calls).toEqual([["downloadview: onFinish failed:", failure]]);
  });

  const failure = new Error("counter is down");
  function fail(): never {
    throw failure;
  }
});
