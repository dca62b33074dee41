import { describe, expect, it } from "vitest";
import { ExpiryQueue } from "./expiry-queue.ts";

describe("an ExpiryQueue", () => {
  it("returns what has expired, the earliest first, and nothing else", () => {
    const queue = new ExpiryQueue<number>();
    // 0 to 999 in a fixed order that looks random.
    for (let step = 0; step < 1000; step += 1) queue.add((step * 619) % 1000, (step * 619) % 1000);
    const taken: number[] = [];
    for (let item = queue.takeExpired(499); item !== undefined; item = queue.takeExpired(499)) taken.push(item);
    expect(taken).toEqual(Array.from({ length: 500 }, (_, at) => at));
    expect(queue.takeExpired(500)).toBe(500);
    expect(queue.takeExpired(500)).toBeUndefined();
  });

  it("is empty at first, and once everything was taken", () => {
    const queue = new ExpiryQueue<string>();
    expect(queue.takeExpired(Infinity)).toBeUndefined();
    queue.add("a", 1);
    expect(queue.takeExpired(1)).toBe("a");
    expect(queue.takeExpired(1)).toBeUndefined();
  });
});
