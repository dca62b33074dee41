import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idleLimited, withinTime } from "./limits.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => undefined);

describe("A request to a store", () => {
  it("ends with 504 when its time is over, and what comes later is freed", async () => {
    const discarded: unknown[] = [];
    let answerLate!: (answer: string) => void;
    let asked: AbortSignal | undefined;
    const ask = (signal: AbortSignal): Promise<string> => {
      asked = signal;
      return new Promise((resolve) => (answerLate = resolve));
    };
    const pending = withinTime(100, undefined, ask, (late) => discarded.push(late));
    const failed = expect(pending).rejects.toMatchObject({ status: 504 });
    await vi.advanceTimersByTimeAsync(100);
    await failed;
    expect(asked?.aborted).toBe(true);
    answerLate("late");
    await vi.advanceTimersByTimeAsync(0);
    expect(discarded).toEqual(["late"]);
  });

  it("ends when the client leaves", async () => {
    const client = new AbortController();
    const failed = expect(withinTime(100, client.signal, () => never)).rejects.toThrow("gone");
    client.abort(new Error("gone"));
    await failed;
    await expect(withinTime(100, client.signal, async () => "never asked")).rejects.toThrow("gone");
  });

  it("leaves its signal to its body, and no timer behind", async () => {
    const client = new AbortController();
    let asked: AbortSignal | undefined;
    expect(await withinTime(100, client.signal, async (signal) => ((asked = signal), "answer"))).toBe("answer");
    expect(vi.getTimerCount()).toBe(0);
    expect(asked?.aborted).toBe(false);
    client.abort();
    expect(asked?.aborted).toBe(true);
  });
});

describe("A body of a store", () => {
  it("fails with 504 when it stalls, and is freed", async () => {
    const body = new Readable({ read: () => undefined });
    const chunks = idleLimited(body, 100)[Symbol.asyncIterator]();
    const failed = expect(chunks.next()).rejects.toMatchObject({ status: 504 });
    await vi.advanceTimersByTimeAsync(100);
    await failed;
    expect(body.destroyed).toBe(true);
  });

  it("may be read slowly, and leaves no timer behind", async () => {
    const chunks = idleLimited(Readable.from(["a", "b"]), 100)[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toBe("a");
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect((await chunks.next()).value).toBe("b");
    expect((await chunks.next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
