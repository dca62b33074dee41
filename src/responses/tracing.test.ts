import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { FileNotFoundError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadMessage, DownloadOutcome } from "./delivery.ts";
import { DownloadResponse } from "./download-response.ts";
import { ProxiedDownloadResponse } from "./proxied-download-response.ts";
import type { RenderedResponse } from "./rendered-response.ts";

const channel = tracingChannel<object, DownloadMessage>("downloadview:download");
const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

type Traced = DownloadMessage & { readonly result?: DownloadOutcome };

function traced(): { events: string[]; messages: Set<Traced> } {
  const [events, messages] = [[] as string[], new Set<Traced>()];
  const told =
    (event: string) =>
    (message: unknown): void => {
      events.push(event);
      messages.add(message as Traced);
    };
  const names = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;
  const subscribers = Object.fromEntries(names.map((name) => [name, told(name)])) as never;
  channel.subscribe(subscribers);
  stops.push(() => channel.unsubscribe(subscribers));
  return { events, messages };
}

const request = new Request("http://localhost/a");
const text = (): DownloadResponse => new DownloadResponse(new VirtualFile("Hello", { name: "a.txt", size: 5 }));

const ends: [what: string, run: () => Promise<unknown>, events: string[], outcome: Partial<DownloadOutcome>][] = [
  [
    "a download that completes",
    async () => (await text().render(request)).delivery.finish(200, 5),
    ["start", "end", "asyncStart", "asyncEnd"],
    { kind: "completed", status: 200, bytesSent: 5 },
  ],
  [
    "a client that leaves",
    async () => (await text().render(request)).delivery.abort(200, 2),
    ["start", "end", "asyncStart", "asyncEnd"],
    { kind: "aborted", bytesSent: 2 },
  ],
  [
    "a file that is missing",
    async () => {
      const missing = new VirtualFile(() => Promise.reject(new FileNotFoundError()), { name: "a" });
      await new DownloadResponse(missing).render(request).catch(() => undefined);
    },
    ["start", "end", "error", "asyncStart", "asyncEnd"],
    { kind: "failed", status: 404 },
  ],
  [
    "a download that is handed over",
    async () => (await new ProxiedDownloadResponse().render(request)).delivery.finish(200, 0),
    ["start", "end", "asyncStart", "asyncEnd"],
    { kind: "handedOver" },
  ],
];

describe("downloadview:download", () => {
  it.each(ends)("traces %s, with one object", async (_, run, expected, outcome) => {
    const { events, messages } = traced();
    await run();
    expect(events).toEqual(expected);
    expect(messages.size).toBe(1);
    const [message] = [...messages];
    expect(message).toMatchObject({ ...outcome, result: outcome });
    expect(message?.request).toBe(request);
  });

  it("binds a store to what the download does", async () => {
    const store = new AsyncLocalStorage<object>();
    const span = {};
    channel.start.bindStore(store, () => span);
    stops.push(() => channel.start.unbindStore(store));
    let seen: object | undefined;
    const file = new VirtualFile("Hello", { name: "a", size: 5 });
    const open = file.open.bind(file);
    file.open = async (options) => {
      await undefined;
      seen = store.getStore();
      return open(options);
    };
    const rendered: RenderedResponse = await new DownloadResponse(file).render(request);
    rendered.delivery.finish(200, 5);
    expect([seen, store.getStore()]).toEqual([span, undefined]);
  });

  it("costs nothing and says nothing without a subscriber", async () => {
    const { delivery } = await text().render(request);
    expect(delivery.isWatched).toBe(false);
    const { events } = traced();
    expect(delivery.isWatched).toBe(true);
    delivery.finish(200, 5);
    // A subscriber that comes later still hears of an end with its start.
    expect(events).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
  });
});
