import { describe, expect, it } from "vitest";
import { Turns } from "./turns.ts";

describe("Turns", () => {
  it("lets so many in at once, and the others in the order they came", async () => {
    const turns = new Turns(2);
    const log: string[] = [];
    const enter = async (name: string): Promise<void> => {
      await turns.enter();
      log.push(name);
    };
    await Promise.all([enter("a"), enter("b")]);
    const waiting = [enter("c"), enter("d")];
    await Promise.resolve();
    expect(log).toEqual(["a", "b"]);
    turns.leave();
    await waiting[0];
    expect(log).toEqual(["a", "b", "c"]);
    turns.leave();
    await waiting[1];
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("makes nobody wait where there is room", () => {
    const turns = new Turns(1);
    expect(turns.enter()).toBeUndefined();
    turns.leave();
    expect(turns.enter()).toBeUndefined();
  });
});
