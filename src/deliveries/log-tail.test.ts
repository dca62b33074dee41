import { appendFile, mkdtemp, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogTail } from "./log-tail.ts";

let folder: string;
let path: string;
let tail: LogTail;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-log-"));
  path = join(folder, "log");
  tail = new LogTail(path);
});
afterEach(async () => {
  await tail.close();
  await rm(folder, { recursive: true });
});

type Step = (() => Promise<unknown>) | readonly string[];
const append = (text: string) => () => appendFile(path, text);

const cases: [what: string, steps: readonly Step[]][] = [
  ["lines that are appended", [append("a\nb\n"), ["a", "b"], append("c\n"), ["c"], []]],
  ["a line that is cut, when it is whole", [append('{"a'), [], append('":1}'), [], append("\n"), ['{"a":1}']]],
  [
    "a character that is cut",
    [() => appendFile(path, Buffer.from([0xc3])), [], () => appendFile(path, Buffer.from([0xbc, 10])), ["ü"]],
  ],
  [
    "a log that is renamed and made anew",
    [
      append("a\n"),
      ["a"],
      append("b\n"),
      () => rename(path, `${path}.1`),
      () => appendFile(`${path}.1`, "c\n"),
      ["b", "c"],
      () => appendFile(`${path}.1`, "d\n"),
      append("e\n"),
      ["d", "e"],
      append("f\n"),
      ["f"],
    ],
  ],
  [
    "the old log, to which a server writes on until it opens the new one",
    [
      append("a\n"),
      ["a"],
      () => rename(path, `${path}.1`),
      append(""),
      [],
      () => appendFile(`${path}.1`, "b\nc"),
      ["b"],
      append("d\n"),
      () => appendFile(`${path}.1`, "\n"),
      ["c", "d"],
    ],
  ],
  ["a log that is deleted and made anew", [append("a\n"), ["a"], () => unlink(path), [], append("b\n"), ["b"]]],
  ["a log that is truncated", [append("a long line\n"), ["a long line"], () => truncate(path), append("b\n"), ["b"]]],
  ["the start of a cut line is dropped with its log", [append("cut"), [], () => truncate(path), append("b\n"), ["b"]]],
  ["a line of more than 64 KiB is skipped", [append("x".repeat(300_000)), [], append("x\ny\n"), ["y"]]],
  ["an empty line", [append("\n\na\n"), ["", "", "a"]]],
];

describe("a log is read", () => {
  it.each(cases)("%s", async (_, steps) => {
    await writeFile(path, "old\n");
    await tail.open();
    for (const step of steps) {
      if (typeof step === "function") await step();
      else expect(await tail.read()).toEqual(step);
    }
  });

  it("that is made later", async () => {
    await tail.open();
    expect(await tail.read()).toEqual([]);
    await writeFile(path, "a\n");
    expect(await tail.read()).toEqual(["a"]);
  });

  it("from its end, when it is opened again", async () => {
    await writeFile(path, "a\n");
    await tail.open();
    await appendFile(path, "b\n");
    await tail.open();
    await appendFile(path, "c\n");
    expect(await tail.read()).toEqual(["c"]);
  });

  it("of many megabytes", async () => {
    await tail.open();
    const lines = Array.from({ length: 100_000 }, (_, at) => `line ${at}`);
    await writeFile(path, `${lines.join("\n")}\n`);
    expect(await tail.read()).toEqual(lines);
  });
});
