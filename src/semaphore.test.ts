import { describe, expect, it } from "vitest";
import { Semaphore } from "./semaphore.ts";

describe("Semaphore", () => {
  it("admits as many at once as it may, and the others in the order they came", async () => {
    const semaphore = new Semaphore(2);
    const log: string[] = [];
    const enter = async (name: string): Promise<void> => {
      await semaphore.enter();
      log.push(name);
    };
    await Promise.all([enter("a"), enter("b")]);
    const waiting = [enter("c"), enter("d")];
    await Promise.resolve();
    expect(log).toEqual(["a", "b"]);
    semaphore.leave();
    await waiting[0];
    expect(log).toEqual(["a", "b", "c"]);
    semaphore.leave();
    await waiting[1];
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("makes no task wait while there is room", () => {
    const semaphore = new Semaphore(1);
    expect(semaphore.enter()).toBeUndefined();
    semaphore.leave();
    expect(semaphore.enter()).toBeUndefined();
  });
});
