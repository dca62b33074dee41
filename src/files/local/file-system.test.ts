import { describe, expect, it } from "vitest";
import { oncePerTurn } from "./file-system.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("oncePerTurn", () => {
  it("asks once for all who ask in one turn, after the last of them did", async () => {
    const log: string[] = [];
    const ask = oncePerTurn(async (key) => log.push(`operation ${key}`));
    const answers = [ask("a"), ask("a"), Promise.resolve().then(() => ask("a"))];
    log.push("asked");
    expect(await Promise.all(answers)).toEqual([2, 2, 2]);
    expect(log).toEqual(["asked", "operation a"]);
  });

  it("asks anew in a later turn, also while the first answer is awaited", async () => {
    let calls = 0;
    const ask = oncePerTurn(() => new Promise<number>((resolve) => void setImmediate(resolve, (calls += 1))));
    const first = ask("a");
    await nextTurn();
    await nextTurn();
    const second = ask("a");
    expect([await first, await second]).toEqual([1, 2]);
  });

  it("keeps keys apart, and fails for all who asked", async () => {
    const ask = oncePerTurn(async (key) => Promise.reject(new Error(key)));
    const results = await Promise.allSettled([ask("a"), ask("a"), ask("b")]);
    expect(results.map((result) => result.status === "rejected" && String(result.reason))).toEqual([
      "Error: a",
      "Error: a",
      "Error: b",
    ]);
  });

  it("shares the real folders among the keys of a turn, and among no others", async () => {
    const ask = oncePerTurn(async (key, realFolders) => {
      const found = [...realFolders.keys()];
      realFolders.set(key, Promise.resolve(key));
      return found;
    });
    expect(await Promise.all([ask("a"), ask("b")])).toEqual([[], ["a"]]);
    expect(await ask("c")).toEqual([]);
  });
});
