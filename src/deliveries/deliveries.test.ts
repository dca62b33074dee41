import { appendFile, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PermissionDeniedError } from "../errors.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { nginx } from "../offload/nginx/index.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { withMiddleware, type DownloadHandler } from "../responses/handler.ts";
import { renderResult } from "../responses/render.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import type { Transfer } from "../responses/transfer.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { deleteAfterSend } from "./delete-after-send.ts";
import { deliveries, type DeliveredFile, type DeliveriesOptions } from "./deliveries.ts";
import { apacheLog, caddyLog, lighttpdLog, nginxLog } from "./server-logs.ts";

/** A log in memory. */
class Lines {
  readonly parse = nginxLog("/log").parse;
  lines: string[] = [];
  opened = 0;
  async open(): Promise<void> {
    this.opened += 1;
    this.lines = [];
  }
  async read(): Promise<readonly string[]> {
    return this.lines.splice(0);
  }
  async close(): Promise<void> {}
}

let folder: string;
let path: string;
let log: Lines;
let ends: DownloadOutcome[];
let downloads: DeliveredFile[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  folder = await mkdtemp(join(tmpdir(), "downloadview-deliveries-"));
  path = join(folder, "a.txt");
  await writeFile(path, "0123456789");
  log = new Lines();
  ends = [];
  downloads = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

function followed(
  options: Partial<DeliveriesOptions> = {},
  change = (response: DownloadResponse) => response,
): DownloadHandler {
  const rules = [{ sourceDir: folder, destinationUrl: "/_d/" }];
  const view: DownloadHandler = async () =>
    change(
      new DownloadResponse(new LocalFile(path, { etag: () => '"1"' }), {
        onFinish: (outcome) => void ends.push(outcome),
      }),
    );
  const sent = deliveries({
    from: log,
    client: ({ headers }) => headers.get("x-user") ?? undefined,
    onDownload: (download) => void downloads.push(download),
    ...options,
  });
  return sent.follow(withMiddleware(view, smartDownloadMiddleware({ backend: nginx(), rules })));
}

/** Hands a download over, and returns the id that nginx gets. */
async function handOver(handler: DownloadHandler, range?: string, user = "alice"): Promise<string> {
  const headers = { "X-User": user, ...(range === undefined ? {} : { Range: range }) };
  const request = new Request("http://localhost/a", { headers });
  const { headers: fields, delivery, status } = await render(handler, request);
  delivery.finish(status, 0);
  return fields[fields.indexOf("X-Download-Id") + 1] ?? "";
}

async function render(handler: DownloadHandler, request: Request): Promise<RenderedResponse> {
  return renderResult(await handler(request, { params: {}, native: undefined }), request);
}

async function written(...lines: (string | object)[]): Promise<void> {
  log.lines.push(...lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))));
  await vi.advanceTimersByTimeAsync(1000);
  // Signatures are checked outside of the timers.
  for (let at = 0; at < 20; at += 1) await new Promise((resolve) => setImmediate(resolve));
}

const line = (id: string, more: object = {}): object => ({
  id,
  status: "200",
  bytes: "10",
  range: "",
  end: "OK",
  ...more,
});
const partial = (id: string, range: string, bytes: number, end = "OK"): object =>
  line(id, { status: "206", bytes: String(bytes), range: `bytes ${range}/10`, end });

describe("the end of a download that nginx sends", () => {
  it("comes from its log, once, and not before", async () => {
    const id = await handOver(followed());
    expect(ends).toEqual([]);
    await written(line(id));
    expect(ends).toEqual([{ kind: "completed", status: 200, bytesSent: 10, completed: true, hasWhole: true }]);
    await written(line(id), line(id));
    expect([ends.length, downloads.length, vi.getTimerCount()]).toEqual([1, 1, 0]);
  });

  const lines: [what: string, more: object, end: Partial<DownloadOutcome>][] = [
    ["whole", {}, { kind: "completed", bytesSent: 10, hasWhole: true }],
    [
      "of a client that left",
      { bytes: "4", end: "" },
      { kind: "aborted", bytesSent: 4, completed: false, hasWhole: false },
    ],
    ["of a client that left at the last byte", { end: "" }, { kind: "aborted", bytesSent: 10, hasWhole: false }],
    ["short, though it says it ended", { bytes: "9" }, { kind: "aborted", bytesSent: 9, hasWhole: false }],
    [
      "of a client that left before the first byte",
      { status: "499", bytes: "0", end: "" },
      { kind: "aborted", status: 499 },
    ],
    [
      "of a file that nginx does not find",
      { status: "404", bytes: "153" },
      { kind: "failed", status: 404, bytesSent: 0 },
    ],
    ["a range that can't be", { status: "416", bytes: "200" }, { kind: "completed", status: 416 }],
    [
      "a range",
      { status: "206", bytes: "3", range: "bytes 2-4/10" },
      { kind: "completed", bytesSent: 3, hasWhole: false },
    ],
    [
      "of another version",
      { status: "206", bytes: "12", range: "bytes 0-11/12" },
      { kind: "completed", bytesSent: 12 },
    ],
  ];
  it.each(lines)("%s", async (_, more, end) => {
    const id = await handOver(followed());
    await written(line(id, more));
    expect(ends).toEqual([expect.objectContaining(end)]);
    if (end.hasWhole === undefined && end.bytesSent !== 10) expect(ends[0]).not.toMatchObject({ hasWhole: true });
  });

  it("comes from a line that was read before the application had sent its own response", async () => {
    const handler = followed();
    await handOver(handler);
    const headers = { "X-User": "bob" };
    const { headers: fields, delivery } = await render(handler, new Request("http://localhost/a", { headers }));
    await written(line(fields[fields.indexOf("X-Download-Id") + 1] ?? ""));
    expect(ends).toEqual([]);
    delivery.finish(200, 0);
    expect(ends).toEqual([expect.objectContaining({ kind: "completed", bytesSent: 10, hasWhole: true })]);
  });

  it("comes from a line that was written before another download opened the log", async () => {
    const handler = followed();
    const headers = { "X-User": "bob" };
    const { headers: fields, delivery } = await render(handler, new Request("http://localhost/a", { headers }));
    log.lines.push(JSON.stringify(line(fields[fields.indexOf("X-Download-Id") + 1] ?? "")));
    const first = await handOver(handler);
    await written(line(first));
    delivery.finish(200, 0);
    expect(ends.map(({ kind }) => kind)).toEqual(["completed", "completed"]);
  });

  const several: [what: string, more: object, kind: string][] = [
    ["whole", { bytes: "300" }, "completed"],
    ["of a client that left", { bytes: "300", end: "" }, "aborted"],
    ["of fewer bytes than the ranges have", { bytes: "5" }, "aborted"],
  ];
  it.each(several)(
    "is never that of the whole file after several ranges in one response, %s",
    async (_, more, kind) => {
      const handler = followed();
      const id = await handOver(handler, "bytes=0-0,5-9");
      await written(line(id, { status: "206", ...more }));
      expect(ends).toEqual([expect.objectContaining({ kind })]);
      expect(ends[0]?.hasWhole).toBeUndefined();
      // The client still lacks bytes 1 to 4.
      await written(partial(await handOver(handler, "bytes=6-9"), "6-9", 4));
      expect(downloads).toEqual([]);
    },
  );

  const bad: [what: string, lines: (id: string) => (string | object)[]][] = [
    ["a forged id", (id) => [line(`${"A".repeat(22)}.${id.split(".")[1]}`)]],
    ["another signature", (id) => [line(`${id.split(".")[0]}.${"A".repeat(43)}`)]],
    ["a cut id", (id) => [line(id.slice(0, -1))]],
    ["a widened id", (id) => [line(`${id}A`), line(` ${id}`), line(`${id}.${id}`)]],
    ["no id", () => [line(""), { status: "200", bytes: "10", end: "OK" }]],
    ["a cut line", (id) => [JSON.stringify(line(id)).slice(0, -2)]],
    ["two lines in one", (id) => [JSON.stringify(line(id)).repeat(2)]],
    ["no JSON", (id) => [`200 10 ${id}`, "", "null", "[]", '"a"', "1"]],
    ["an id that is none", (id) => [line(id, { id: [id] }), line(id, { id: { id } })]],
    [
      "no bytes",
      (id) => [
        line(id, { bytes: "-1" }),
        line(id, { bytes: "" }),
        line(id, { bytes: "1e3" }),
        line(id, { bytes: null }),
      ],
    ],
    ["bytes beyond counting", (id) => [line(id, { bytes: "99999999999999999999" })]],
    ["no status", (id) => [line(id, { status: "000" }), line(id, { status: "abc" }), line(id, { status: "999" })]],
  ];
  it.each(bad)("is not believed of a line with %s", async (_, forged) => {
    const id = await handOver(followed());
    await written(...forged(id));
    expect(ends).toEqual([]);
    await written(line(id));
    expect(ends).toHaveLength(1);
  });

  it("is as today, if the log does not mention it in time, or is closed", async () => {
    const sent = followed({ atLatest: 5 });
    await handOver(sent);
    await vi.advanceTimersByTimeAsync(4000);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(ends).toEqual([expect.objectContaining({ kind: "handedOver" })]);

    const closing = deliveries({ from: log });
    const rules = [{ sourceDir: folder, destinationUrl: "/_d/" }];
    const view: DownloadHandler = async () =>
      new DownloadResponse(new LocalFile(path), { onFinish: (outcome) => void ends.push(outcome) });
    const handler = closing.follow(withMiddleware(view, smartDownloadMiddleware({ backend: nginx(), rules })));
    await handOver(handler);
    await closing.close();
    expect(ends.map(({ kind }) => kind)).toEqual(["handedOver", "handedOver"]);
    expect(await handOver(handler)).not.toContain(".");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is as today, if the log can't be opened", async () => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    log.open = () => Promise.reject(new Error("EACCES"));
    await handOver(followed());
    expect(ends).toEqual([expect.objectContaining({ kind: "handedOver" })]);
    expect(logged).toHaveBeenCalledOnce();
    logged.mockRestore();
  });

  it("is read from the log only while a download is open", async () => {
    const handler = followed();
    await written(line(await handOver(handler)));
    expect([log.opened, vi.getTimerCount()]).toEqual([1, 0]);
    const [one, other] = [await handOver(handler), await handOver(handler)];
    expect(log.opened).toBe(2);
    await written(line(other), line(one));
    expect([ends.length, vi.getTimerCount()]).toEqual([3, 0]);
  });
});

describe("ranges of one client are one download", () => {
  const runs: [
    what: string,
    ranges: [range: string, bytes: number, end?: string, user?: string][],
    whole: boolean[],
  ][] = [
    [
      "two halves",
      [
        ["0-4", 5],
        ["5-9", 5],
      ],
      [false, true],
    ],
    [
      "a download that is resumed",
      [
        ["0-9", 4, ""],
        ["4-9", 6],
      ],
      [false, true],
    ],
    [
      "a gap",
      [
        ["0-9", 4, ""],
        ["5-9", 5],
      ],
      [false, false],
    ],
    [
      "the same half twice",
      [
        ["0-4", 5],
        ["0-4", 5],
      ],
      [false, false],
    ],
    [
      "halves of two clients",
      [
        ["0-4", 5, "OK", "alice"],
        ["5-9", 5, "OK", "bob"],
      ],
      [false, false],
    ],
    [
      "a second download after the first",
      [
        ["0-4", 5],
        ["5-9", 5],
        ["5-9", 5],
      ],
      [false, true, false],
    ],
  ];
  it.each(runs)("%s", async (_, ranges, whole) => {
    const handler = followed();
    for (const [range, bytes, end, user] of ranges) {
      await written(partial(await handOver(handler, `bytes=${range}`, user), range, bytes, end));
    }
    expect(ends.map(({ hasWhole }) => hasWhole)).toEqual(whole);
    expect(downloads).toHaveLength(whole.filter(Boolean).length);
    if (downloads[0]) expect(downloads[0]).toMatchObject({ client: "alice", size: 10, bytesSent: 10 });
  });

  it("also if there are more parts than are remembered: the file is then not known to be whole", async () => {
    const handler = followed();
    await writeFile(path, "0".repeat(2400));
    for (let at = 0; at < 2400; at += 2) {
      const id = await handOver(handler, `bytes=${at}-${at}`);
      log.lines.push(JSON.stringify(line(id, { status: "206", bytes: "1", range: `bytes ${at}-${at}/2400` })));
    }
    await written();
    const id = await handOver(handler, "bytes=2200-2399");
    await written(line(id, { status: "206", bytes: "200", range: "bytes 2200-2399/2400" }));
    expect(ends).toHaveLength(1201);
    expect(downloads).toEqual([]);
    const rest = await handOver(handler, "bytes=0-2399");
    await written(line(rest, { status: "206", bytes: "2400", range: "bytes 0-2399/2400" }));
    expect(downloads).toHaveLength(1);
  });

  it("whichever server sends them, and never several ranges of one response", async () => {
    const sent = deliveries({
      from: log,
      client: () => "alice",
      onDownload: (download) => void downloads.push(download),
    });
    const handler = sent.follow(
      async () =>
        new DownloadResponse(new VirtualFile("0123456789", { name: "a", size: 10, etag: '"1"' }), {
          onFinish: (outcome) => void ends.push(outcome),
        }),
    );
    for (const range of ["bytes=0-4", "bytes=0-1,5-9", "bytes=5-9"]) {
      const rendered = await render(handler, new Request("http://localhost/a", { headers: { Range: range } }));
      rendered.delivery.finish(206, 5);
    }
    expect(ends.map(({ hasWhole }) => hasWhole)).toEqual([false, undefined, true]);
  });
});

describe("deleteAfterSend", () => {
  const exists = async (): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve));
    return new LocalFile(path).stat().then(
      () => true,
      () => false,
    );
  };
  const gone = (): Promise<void> => vi.waitFor(async () => expect(await exists()).toBe(false));
  const deleting = (): DownloadHandler => followed({}, (response) => deleteAfterSend(response, { atLatest: 3600 }));

  it("waits until nginx is done, and for no line that is short", async () => {
    const handler = deleting();
    await written(line(await handOver(handler), { bytes: "4", end: "" }));
    expect(await exists()).toBe(true);
    await written(line(await handOver(handler)));
    await gone();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for the other transfers of the file", async () => {
    const handler = deleting();
    const [one, other] = [await handOver(handler), await handOver(handler, undefined, "bob")];
    await written(line(one));
    expect(await exists()).toBe(true);
    await written(line(other, { bytes: "3", end: "" }));
    await gone();
  });

  it("waits for all ranges of a client", async () => {
    const handler = deleting();
    await written(partial(await handOver(handler, "bytes=0-4"), "0-4", 5));
    expect(await exists()).toBe(true);
    await written(partial(await handOver(handler, "bytes=5-9"), "5-9", 5));
    await gone();
  });

  it("waits for its time, without a log, and if nothing is sent", async () => {
    const request = new Request("http://localhost/a");
    const response = deleteAfterSend(new DownloadResponse(new LocalFile(path)), { atLatest: 60 });
    const rules = [{ sourceDir: folder, destinationUrl: "/_d/" }];
    const offloaded = await smartDownloadMiddleware({ backend: nginx(), rules })(response, request);
    const { delivery } = await renderResult(offloaded, request);
    delivery.finish(200, 0);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(await exists()).toBe(true);
    await vi.advanceTimersByTimeAsync(2000);
    await gone();
  });

  it("deletes what the application has sent whole, and nothing of a range, a HEAD or a client that left", async () => {
    const send = async (init: RequestInit, end: (rendered: RenderedResponse) => void): Promise<void> => {
      const request = new Request("http://localhost/a", init);
      const response = deleteAfterSend(new DownloadResponse(new LocalFile(path)), { atLatest: 60 });
      const rendered = await response.render(request);
      if (rendered.body.kind === "content") await rendered.body.file.close();
      end(rendered);
    };
    await send({ method: "HEAD" }, ({ delivery }) => delivery.finish(200, 0));
    await send({ headers: { Range: "bytes=0-4" } }, ({ delivery }) => delivery.finish(206, 5));
    await send({}, ({ delivery }) => delivery.abort(200, 9));
    expect(await exists()).toBe(true);
    await send({}, ({ delivery }) => delivery.finish(200, 10));
    await gone();
  });

  it("waits for all transfers of a file, also in a storage that has no places", async () => {
    const [storage, other] = [new MemoryStorage(), new MemoryStorage()];
    for (const one of [storage, other]) await one.save("a.txt", "0123456789");
    const start = async (from: MemoryStorage): Promise<RenderedResponse> => {
      const response = new DownloadResponse(new StorageFile(from, "a.txt"));
      return deleteAfterSend(response, { atLatest: 60 }).render(new Request("http://localhost/a"));
    };
    const [first, second, foreign] = [await start(storage), await start(storage), await start(other)];
    foreign.delivery.finish(200, 10);
    await vi.waitFor(async () => expect(await other.exists("a.txt")).toBe(false));
    first.delivery.finish(200, 10);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await storage.exists("a.txt")).toBe(true);
    second.delivery.abort(200, 3);
    await vi.waitFor(async () => expect(await storage.exists("a.txt")).toBe(false));
  });

  // A look at the disk takes some turns: so many later ones, it is over.
  const settled = async (): Promise<void> => {
    for (let look = 0; look < 20; look += 1) await stat(folder);
  };
  const request = new Request("http://localhost/a");
  const begin = async (response: DownloadResponse, init?: RequestInit): Promise<RenderedResponse> => {
    const rendered = await response.render(new Request(request, init));
    if (rendered.body.kind === "content") await rendered.body.file.close();
    return rendered;
  };
  const replacements: [how: string, replace: () => Promise<unknown>][] = [
    [
      "renamed over it",
      async () => {
        await writeFile(`${path}.new`, "9876543210");
        await rename(`${path}.new`, path);
      },
    ],
    [
      "written in its place, with the old date but for the milliseconds",
      async () => {
        const { mtimeMs } = await stat(path);
        await writeFile(path, "9876543210");
        await utimes(path, mtimeMs / 1000, Math.floor(mtimeMs / 1000));
      },
    ],
  ];
  it.each(replacements)("keeps a file that was %s, until that one was sent", async (_, replace) => {
    const response = (): DownloadResponse =>
      deleteAfterSend(new DownloadResponse(new LocalFile(path)), { atLatest: 60 });
    const old = await begin(response());
    await settled();
    await replace();
    old.delivery.finish(200, 10);
    await settled();
    expect(await readFile(path, "utf8")).toBe("9876543210");
    await vi.advanceTimersByTimeAsync(61_000);
    await settled();
    expect(await exists()).toBe(true);
    (await begin(response())).delivery.finish(200, 10);
    await gone();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("keeps an object of a storage that was saved anew meanwhile", async () => {
    const storage = new MemoryStorage();
    await storage.save("a.txt", "0123456789");
    const response = deleteAfterSend(new DownloadResponse(new StorageFile(storage, "a.txt")), { atLatest: 60 });
    const { delivery } = await begin(response);
    await settled();
    await storage.save("a.txt", "9876543210");
    delivery.finish(200, 10);
    await settled();
    expect(await storage.exists("a.txt")).toBe(true);
  });

  it("counts each transfer of one response that is used for several requests", async () => {
    const response = deleteAfterSend(new DownloadResponse(new LocalFile(path)), { atLatest: 60 });
    const [first, second, head] = [
      await begin(response),
      await begin(response),
      await begin(response, { method: "HEAD" }),
    ];
    head.delivery.finish(200, 0);
    first.delivery.finish(200, 10);
    await settled();
    expect(await exists()).toBe(true);
    second.delivery.abort(200, 3);
    await gone();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not wait for a transfer that was refused after it was announced", async () => {
    const response = deleteAfterSend(new DownloadResponse(new LocalFile(path)), { atLatest: 60 });
    const { beforeSend } = response;
    const refused = Object.assign(new DownloadResponse(response.file, { onFinish: response.onFinish! }), {
      beforeSend: async (transfer: Transfer) => {
        await beforeSend?.(transfer);
        throw new PermissionDeniedError();
      },
    });
    await expect(begin(refused)).rejects.toThrow();
    (await begin(response)).delivery.finish(200, 10);
    await gone();
  });

  it.each([0, -1, Number.NaN, Infinity, 1e9, undefined])("refuses %s as atLatest", (atLatest) => {
    const response = new DownloadResponse(new LocalFile(path));
    expect(() => deleteAfterSend(response, { atLatest: atLatest as number })).toThrow(/atLatest must be a number/);
  });

  it("refuses a file that it can't delete", () => {
    const response = new DownloadResponse(new VirtualFile("a", { name: "a" }));
    expect(() => deleteAfterSend(response, { atLatest: 1 })).toThrow(/needs a function that deletes/);
  });
});

describe("deliveries refuses", () => {
  const wrong: [options: object, message: RegExp][] = [
    [{}, /needs the log of a server/],
    [{ from: "/var/log" }, /needs the log of a server/],
    [{ from: nginxLog("/log"), secret: "short" }, /at least 32 characters/],
    [{ from: nginxLog("/log"), atLatest: 0 }, /atLatest must be a number of seconds/],
    [{ from: nginxLog("/log"), interval: 0 }, /interval must be a number of milliseconds/],
  ];
  it.each(wrong)("%o", (options, message) => expect(() => deliveries(options as never)).toThrow(message));
  it.each([nginxLog, apacheLog, lighttpdLog, caddyLog])("a relative path: %o", (make) => {
    expect(() => make("log")).toThrow(/absolute path/);
  });
});

describe("processes that share a secret", () => {
  it("have each their own lines, and a real log between them", async () => {
    const file = join(folder, "log");
    await writeFile(file, "");
    const secret = "s".repeat(32);
    const [one, other] = [nginxLog(file), nginxLog(file)].map((from) => followed({ from, secret }));
    const [first, second] = [await handOver(one!), await handOver(other!)];
    await appendFile(file, `${JSON.stringify(line(second))}\n${JSON.stringify(line(first))}\n`);
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(300);
      expect(ends).toHaveLength(2);
    });
  });
});

describe("a line of lighttpd's log", () => {
  const { parse } = lighttpdLog("/var/log/lighttpd/downloads.json");
  it.each([
    ['{"id":"a.b","status":"200","bytes":"10","range":"-","end":"+"}', { id: "a.b", status: 200, bytes: 10 }],
    [
      '{"id":"a.b","status":"206","bytes":"3","range":"bytes 2-4/10","end":"-"}',
      { id: "a.b", status: 206, bytes: 3, contentRange: "bytes 2-4/10" },
    ],
    [
      '{"id":"a.b","status":"200","bytes":"7","range":"-","end":"X"}',
      { id: "a.b", status: 200, bytes: 7, isComplete: false },
    ],
    [
      '{"id":"a.b","status":"200","bytes":"-","range":"-","end":"X"}',
      { id: "a.b", status: 200, bytes: 0, isComplete: false },
    ],
    ['{"id":"-","status":"404","bytes":"10","range":"-","end":"+"}', { id: "-", status: 404, bytes: 10 }],
    ['{"id":"a.b","status":"200","bytes":"10', undefined],
    ["not JSON", undefined],
  ])("%s", (line, report) => {
    expect(parse(line)).toEqual(report);
  });
});
