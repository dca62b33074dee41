import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { requires } from "../support/requires.ts";
import { frameworks, frameworksAreThere, howToInstall, placePackage } from "./project.ts";

describe.runIf(requires(frameworksAreThere, howToInstall))("the adapters", () => {
  it("have the types that their frameworks expect", async () => {
    await placePackage();
    const compiler = join(frameworks, "../../node_modules/.bin/tsc");
    const check = promisify(execFile)(compiler, ["--noEmit", "-p", frameworks]);
    const problems = await check.then(
      () => "none",
      ({ stdout }: { stdout: string }) => stdout,
    );
    expect(problems).toBe("none");
  }, 60_000);
});
