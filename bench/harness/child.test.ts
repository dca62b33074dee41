import { expect, it } from "vitest";
import { Child } from "./child.ts";
import { LOAD_CORE } from "./machine.ts";

it("A question to a process that has ended is an error, and not the end of the run", async () => {
  const child = await Child.start("load/main.ts", [], LOAD_CORE);
  const running = child.ask("run");
  await running;
  await child.stop();
  await expect(child.ask("run")).rejects.toThrow("the process ended");
});

it("A process that cannot be asked for what it does not know says nothing, and goes on", async () => {
  const child = await Child.start("load/main.ts", [], LOAD_CORE);
  expect(await child.ask("nothing")).toBeUndefined();
  await child.stop();
});
