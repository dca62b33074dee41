import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PopularContents } from "./popular-contents.ts";

const [a, b, c] = [{}, {}, {}];
let contents: PopularContents;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  contents = new PopularContents(() => 10);
});
afterEach(() => void vi.useRealTimers());

const load = vi.fn(async (): Promise<Uint8Array> => new Uint8Array(5));

/** Lends and takes back. */
async function use(version: object, size = 5): Promise<boolean> {
  const content = contents.borrow(version, size, load);
  await content?.loaded;
  content?.giveBack();
  return content !== undefined;
}

describe("PopularContents", () => {
  it("loads a content once, for all who ask at the same time and later", async () => {
    load.mockClear();
    const [one, other] = [contents.borrow(a, 5, load), contents.borrow(a, 5, load)];
    expect(await one?.loaded).toBe(await other?.loaded);
    await use(a);
    expect(load).toHaveBeenCalledTimes(1);
    expect(contents.bytes).toBe(5);
  });

  it("refuses what is larger than the bound", async () => {
    expect(await use(a, 11)).toBe(false);
    expect(contents.bytes).toBe(0);
  });

  it("gives the place of what was used longest ago to what is asked for now", async () => {
    await use(a);
    await use(b);
    await use(a);
    expect(await use(c)).toBe(true);
    load.mockClear();
    await use(a);
    expect(load).not.toHaveBeenCalled();
    expect(contents.bytes).toBe(10);
  });

  it("lets newcomers in but slowly when it is full", async () => {
    await use(a);
    await use(b);
    expect(await use(c)).toBe(true);
    expect(await use(b)).toBe(true);
    expect(await use(a)).toBe(false);
    vi.advanceTimersByTime(100);
    expect(await use(a)).toBe(true);
  });

  it("leaves what is being sent in its place", async () => {
    const sending = [contents.borrow(a, 5, load), contents.borrow(b, 5, load)];
    expect(await use(c)).toBe(false);
    sending[0]?.giveBack();
    vi.advanceTimersByTime(100);
    expect(await use(c)).toBe(true);
    expect(contents.bytes).toBe(10);
  });

  it("counts what was dropped until it is sent", () => {
    const sending = contents.borrow(a, 5, load);
    contents.drop(a);
    expect(contents.bytes).toBe(5);
    sending?.giveBack();
    expect(contents.bytes).toBe(0);
    contents.drop(a);
    expect(contents.bytes).toBe(0);
  });

  it("keeps nothing that failed to load, and tries again", async () => {
    const failing = contents.borrow(a, 5, () => Promise.reject(new Error("unreadable")));
    await expect(failing?.loaded).rejects.toThrow("unreadable");
    failing?.giveBack();
    expect(contents.bytes).toBe(0);
    expect(await use(a)).toBe(true);
  });

  it("frees everything that is not being sent when it is cleared", async () => {
    await use(a);
    const sending = contents.borrow(b, 5, load);
    contents.clear();
    expect(contents.bytes).toBe(5);
    sending?.giveBack();
    expect(contents.bytes).toBe(0);
  });
});
