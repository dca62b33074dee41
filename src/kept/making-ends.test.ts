import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  VirtualFile,
  withMiddleware,
  download,
  type DownloadFile,
  type DownloadHandler,
  type OpenFile,
} from "../index.ts";
import { renderResult } from "../responses/render.ts";
import { closeBody, readBody, type RenderedResponse } from "../responses/rendered-response.ts";
import { keepFiles, KeptFiles, type KeepFilesOptions } from "./index.ts";

let folder: string;
/** Two that share a folder do so as two processes do: by its locks alone. */
let one: KeptFiles;
let other: KeptFiles;
const lease = 400;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  one = new KeptFiles({ folder, failureMemory: 1500, lease });
  other = new KeptFiles({ folder, failureMemory: 1500, lease });
});

afterEach(async () => {
  await quiet();
  await Promise.all([one.close(), other.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function filesBelow(...names: string[]): Promise<string[]> {
  const entries = await readdir(join(folder, ...names), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** No making is under way, and none has left anything. */
async function quiet(): Promise<void> {
  await expect.poll(() => filesBelow("making"), { timeout: 5000 }).toEqual([]);
  await expect.poll(() => filesBelow("locks"), { timeout: 5000 }).toEqual([]);
}

function view(kept: KeptFiles, make: () => DownloadFile, options: Partial<KeepFilesOptions> = {}): DownloadHandler {
  return withMiddleware(async () => download(make()), keepFiles(kept, { key: () => ["report", 7], ...options }));
}

async function open(handler: DownloadHandler, init: RequestInit = {}): Promise<RenderedResponse> {
  const request = new Request("http://localhost/", init);
  return renderResult(await handler(request, { params: {}, native: undefined }), request);
}

async function textOf({ body }: RenderedResponse): Promise<string> {
  if (body.kind === "none") return "";
  let text = "";
  try {
    for await (const chunk of readBody(body)) text += Buffer.from(chunk).toString();
  } finally {
    await closeBody(body);
  }
  return text;
}

const ask = async (handler: DownloadHandler, init?: RequestInit): Promise<string> => textOf(await open(handler, init));

/** A file whose end comes when the test says so. */
function gated() {
  let isOpen = false;
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const release = (): void => {
    isOpen = true;
    open();
  };
  const counter = { made: 0, aborted: 0 };
  const make = (): VirtualFile =>
    new VirtualFile(async function* ({ signal }: { signal: AbortSignal }) {
      counter.made += 1;
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => {
          // Its signal aborts at its end, too.
          if (!isOpen) counter.aborted += 1;
          reject(signal.reason as Error);
        }),
      );
      yield "begin ";
      await Promise.race([gate, aborted]);
      yield "end";
    });
  return { counter, release, make };
}

test.each([
  { what: "reads along", init: {}, text: "begin end" },
  { what: "waits for a part", init: { headers: { Range: "bytes=6-" } }, text: "end" },
])("A making whose own client has left goes on while one of another process $what", async ({ init, text }) => {
  const report = gated();
  const first = await open(view(one, report.make));
  const following = ask(view(other, report.make), init);
  await expect.poll(() => filesBelow("making")).toContainEqual(expect.stringMatching(/\.followed$/));
  await closeBody(first.body);
  // Long enough for a maker that looks only once.
  await new Promise((resolve) => setTimeout(resolve, 1.5 * lease));
  report.release();
  expect(await following).toBe(text);
  expect(report.counter).toEqual({ made: 1, aborted: 0 });
  await quiet();
  expect(await ask(view(one, report.make))).toBe("begin end");
  expect(report.counter.made).toBe(1);
});

test("A making that one of another process was told to come back for goes on until it does", async () => {
  const report = gated();
  const first = await open(view(one, report.make));
  const impatient = view(other, report.make, { patience: 20 });
  await expect(open(impatient, { method: "HEAD" })).rejects.toMatchObject({ status: 503 });
  await closeBody(first.body);
  const again = open(impatient, { method: "HEAD" });
  await expect(again).rejects.toMatchObject({ status: 503 });
  report.release();
  await quiet();
  expect((await open(impatient, { method: "HEAD" })).status).toBe(200);
  expect(report.counter).toEqual({ made: 1, aborted: 0 });
});

test("A making ends once the clients of all processes have left", async () => {
  const report = gated();
  const first = await open(view(one, report.make));
  const second = await open(view(other, report.make));
  await closeBody(first.body);
  await closeBody(second.body);
  await expect.poll(() => report.counter, { timeout: 5000 }).toEqual({ made: 1, aborted: 1 });
  await quiet();
  expect(await filesBelow()).toEqual([]);
});

test("A client of another process that comes just as the only one leaves gets every byte", async () => {
  const report = (): VirtualFile =>
    new VirtualFile(async function* () {
      yield "begin ";
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield "end";
    });
  for (let time = 0; time < 60; time += 1) {
    const key = (): [string, number] => ["report", time];
    const first = await open(view(one, report, { key }));
    const following = ask(view(other, report, { key }));
    for (let turn = 0; turn < time % 12; turn += 1) await new Promise(setImmediate);
    await closeBody(first.body);
    expect(await following).toBe("begin end");
  }
});

const forever = new Promise<never>(() => undefined);

/** A file of a source that takes no notice of its signal. */
function hanging(opened: Partial<OpenFile> & { readonly open?: Promise<never> }): DownloadFile {
  const file = { stat: {}, content: () => forever, close: async () => undefined, ...opened };
  return { name: "report.txt", stat: async () => ({}), open: async () => opened.open ?? (file as never) };
}

async function* beginAndHang(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("begin ");
  await forever;
}

const stalled: readonly (readonly [when: string, original: () => DownloadFile])[] = [
  ["when it is opened", () => hanging({ open: forever })],
  ["before its content", () => hanging({})],
  ["before its first byte", () => hanging({ content: async () => ({ kind: "chunks", chunks: hang() }) })],
  ["before its first byte, and when it is closed", () => hanging({ close: () => forever })],
  ["in its generator", () => new VirtualFile(hang)],
];

async function* hang(): AsyncGenerator<Uint8Array> {
  yield await forever;
}

for (const [when, original] of stalled) {
  test(`An original that hangs ${when} is given up: all who wait get a 503, also in other processes`, async () => {
    let made = 0;
    const make = (): DownloadFile => {
      const file = original();
      return { name: file.name, stat: () => file.stat(), open: (options) => ((made += 1), file.open(options)) };
    };
    const options = { idleTimeout: 600, finishAnyway: true };
    const asks = [open(view(one, make, options)), open(view(one, make, options), { method: "HEAD" })];
    await expect.poll(() => made).toBe(1);
    asks.push(open(view(other, make, { ...options, idleTimeout: 100 })));
    const results = await Promise.allSettled(asks);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { status: 503, headers: { "Retry-After": "2" } } });
    }
    // The failure is remembered for a moment.
    await expect(open(view(one, make, options))).rejects.toMatchObject({ status: 503 });
    expect(made).toBe(1);
    await quiet();
    expect(await filesBelow()).toEqual([]);
    await expect
      .poll(() => ask(view(one, () => new VirtualFile("whole"), options)).catch(() => ""), { timeout: 5000 })
      .toBe("whole");
  });
}

test("An original that hangs midway breaks the downloads of those who read along, and nothing is kept", async () => {
  const make = (): DownloadFile => new VirtualFile(beginAndHang);
  const options = { idleTimeout: 100 };
  const answers = [await open(view(one, make, options)), await open(view(other, make, options))];
  const results = await Promise.allSettled(answers.map(textOf));
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await quiet();
  expect(await filesBelow()).toEqual([]);
});

test("A stale file is served within staleIfError if its original hangs", async () => {
  let isHanging = false;
  const make = (): DownloadFile => (isHanging ? new VirtualFile(hang) : new VirtualFile("good"));
  const options = { freshFor: 0, staleIfError: 60, idleTimeout: 50 };
  expect(await ask(view(one, make, options))).toBe("good");
  await quiet();
  isHanging = true;
  expect(await ask(view(one, make, options))).toBe("good");
  expect(await ask(view(one, make, options), { headers: { Range: "bytes=0-1" } })).toBe("go");
});

test("The time that a slow client takes does not count against the original: a file that cannot be kept reaches it whole", async () => {
  await one.close();
  one = new KeptFiles({ folder, maxBytes: 1000 });
  const pieces = 40;
  const make = (): DownloadFile =>
    new VirtualFile(async function* () {
      for (let piece = 0; piece < pieces; piece += 1) yield "x".repeat(100_000);
    });
  const answer = await open(view(one, make, { idleTimeout: 50 }));
  if (answer.body.kind === "none") throw new Error("There is no body");
  let length = 0;
  for await (const chunk of readBody(answer.body)) {
    // By then the original has all that fits into memory, and waits.
    if (length === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    length += chunk.byteLength;
  }
  await closeBody(answer.body);
  expect(length).toBe(pieces * 100_000);
});

test.each([-1, Number.NaN, "1000", null] as never[])("idleTimeout %s is refused", (idleTimeout) => {
  expect(() => keepFiles(one, { key: () => ["x"], idleTimeout })).toThrow("idleTimeout must be a number from 0");
});
