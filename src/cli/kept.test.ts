import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualFile } from "../index.ts";
import { KeptFiles } from "../kept/index.ts";
import { run } from "./run.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  const kept = new KeptFiles({ folder });
  await kept.make(["report", 7], new VirtualFile("12345", { name: "a.txt" }));
  await kept.make(["report", 8], new VirtualFile("123", { name: "b.txt" }));
  await kept.close();
});

afterEach(() => rm(folder, { recursive: true }));

async function cli(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const printed = { out: "", error: "" };
  const code = await run(["kept", ...args], {
    env: {},
    stdout: (text) => void (printed.out += text),
    stderr: (text) => void (printed.error += text),
  });
  return { code, ...printed };
}

test("kept list prints each file with its key", async () => {
  const { code, out } = await cli("list", folder);
  expect(code).toBe(0);
  const lines = out.trim().split("\n").toSorted();
  expect(lines.map((line) => [line.split("\t")[0], line.split("\t")[3]])).toEqual([
    ["3", '["report",8]'],
    ["5", '["report",7]'],
  ]);
});

test("kept drop drops the file of a key, and says if there is none", async () => {
  expect((await cli("drop", folder, "--key", '["report",7]')).code).toBe(0);
  expect((await cli("drop", folder, "--key", '["report",7]')).code).toBe(1);
  expect((await cli("list", folder)).out).not.toContain('["report",7]');
  expect((await cli("drop", folder, "--all")).code).toBe(0);
  expect((await cli("list", folder)).out).toBe("");
});

test("kept sweep drops what the limits leave no room for", async () => {
  expect((await cli("sweep", folder, "--max-bytes", "4")).out).toMatch(
    /^1 files with \d bytes are kept\. Dropped: 1\./,
  );
});

const wrong: readonly (readonly [args: string[], message: string])[] = [
  [[], "which folder"],
  [["list"], "which folder"],
  [["empty", "/tmp"], "list, drop or sweep"],
  [["drop", "/tmp"], "--key"],
  [["drop", "/tmp", "--key", "report"], "must be JSON"],
  [["sweep", "/tmp", "--max-bytes", "1G"], "number of bytes"],
  [["sweep", "/tmp", "--max-age", "old"], "Not a duration"],
];

for (const [args, message] of wrong) {
  test(`kept ${args.join(" ")} is refused with a word on ${message}`, async () => {
    const { code, error } = await cli(...args);
    expect([code, error]).toEqual([2, expect.stringContaining(message)]);
  });
}
