import { toFetchHandler } from "../adapters/fetch.ts";
import { download } from "../views/download.ts";
import { readOpened } from "../files/content.ts";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ArchiveEntryError, ContentTooLargeError, FileChangedError, FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenOptions } from "../files/download-file.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { ByteRange } from "../http/range.ts";
import { ArchiveFile, type ArchiveOptions } from "./archive-file.ts";
import { crc32 } from "./crc32.ts";
import { MemoryFingerprints } from "./fingerprints.ts";
import type { ArchiveEntry } from "./member.ts";

const lastModified = new Date("2026-03-04T05:06:07Z");

describe("An archive that outlives a request", () => {
  it("asks its function again for each response: what a client may no longer have is left out", async () => {
    let names = ["a.txt", "b.txt"];
    const archive = new ArchiveFile(() => names.map((name) => ({ name, file: virtual(name) })));
    const { size: before = 0 } = await archive.stat();
    names = ["a.txt"];
    expect((await archive.stat()).size).toBeLessThan(before);
    let bytes = "";
    await using opened = await archive.open();
    for await (const chunk of readOpened(opened)) bytes += Buffer.from(chunk).toString("latin1");
    expect(bytes).not.toContain("b.txt");
  });

  it("is served again after its function failed once", async () => {
    let isUp = false;
    const archive = new ArchiveFile(() => {
      if (!isUp) throw new Error("The database is down");
      return [{ name: "a.txt", file: virtual("A") }];
    });
    await expect(archive.stat()).rejects.toThrow("The database is down");
    isUp = true;
    expect((await archive.stat()).size).toBeGreaterThan(0);
  });
});
const virtual = (content: string | Uint8Array): DownloadFile => new VirtualFile(content, { lastModified });

/** What waits for `passed` goes on once `open` was called. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

/** A file that counts how often its content is opened, and may declare its CRC-32. */
function counted(content: Uint8Array, known: FileStat = {}): DownloadFile & { opens: number } {
  const inner = new VirtualFile(content, { lastModified, name: "counted" });
  return {
    name: "counted",
    url: `memory:${crc32(content)}`,
    opens: 0,
    stat: async () => ({ ...(await inner.stat()), ...known }),
    async open(options) {
      this.opens += 1;
      const opened = await inner.open(options);
      return Object.assign(opened, { stat: { ...opened.stat, ...known } });
    },
  };
}

async function read(archive: ArchiveFile, range?: ByteRange): Promise<Buffer> {
  const opened = await archive.open();
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readOpened(opened, range)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    await opened.close();
  }
}

const signatures = Buffer.from("PK\u0007\u0008PK\u0003\u0004PK\u0001\u0002".repeat(20), "latin1");
const contents: readonly [name: string, content: Uint8Array][] = [
  ["a.txt", Buffer.from("hello")],
  ["empty.bin", Buffer.alloc(0)],
  ["ünï/signatures.bin", signatures],
  ["blocks.bin", randomBytes(65_536)],
];
const entries = (known: (content: Uint8Array) => FileStat = () => ({})): ArchiveEntry[] => [
  ...contents.map(([name, content]) => ({ name, file: counted(content, known(content)) })),
  { name: "folder/" },
];
const declared = (content: Uint8Array): FileStat => ({ crc32: crc32(content) });

describe.each([
  ["a ZIP of blocks", () => new ArchiveFile(entries())],
  ["a ZIP of stored members", () => new ArchiveFile(entries(declared))],
  ["a TAR", () => new ArchiveFile(entries(), { format: "tar" })],
])("%s", (_, make) => {
  it("has the length that it says", async () => {
    expect((await read(make())).byteLength).toBe((await make().stat()).size);
  });

  it("is the same each time, with one strong entity tag", async () => {
    expect((await read(make())).equals(await read(make()))).toBe(true);
    const { etag } = await make().stat();
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect((await make().stat()).etag).toBe(etag);
  });

  it("returns every range as the slice of the whole", async () => {
    const whole = await read(make());
    const archive = make();
    const interesting = [0, 1, 29, 30, 34, 35, 40, 60, 120, 700, 66_000, whole.length - 30, whole.length - 1];
    for (const start of interesting) {
      for (const length of [1, 2, 5, 16, 100, 65_535, 70_000]) {
        const end = Math.min(start + length, whole.length) - 1;
        const part = await read(archive, { start, end });
        expect(part.equals(whole.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
      }
    }
  });

  it("has the newest time of its members", async () => {
    expect((await make().stat()).lastModified).toEqual(lastModified);
  });

  it("opens nothing to be described", async () => {
    const files = entries();
    await new ArchiveFile(files).stat();
    expect(files.map(({ file }) => (file as { opens?: number } | undefined)?.opens ?? 0)).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("the layout", () => {
  it("does not depend on a CRC-32 that happens to be remembered", async () => {
    const fingerprints = new MemoryFingerprints();
    const make = (): ArchiveFile => new ArchiveFile(entries(), { fingerprints });
    const before = await make().stat();
    const bytes = await read(make());
    expect(
      fingerprints.get(JSON.stringify([`memory:${crc32(contents[0]![1])}`, (await virtual("hello").stat()).etag])),
    ).toBe(crc32(contents[0]![1]));
    expect(await make().stat()).toEqual(before);
    expect((await read(make())).equals(bytes)).toBe(true);
  });

  it("is another one, under another tag, where every source declares its CRC-32", async () => {
    const [blocks, stored] = await Promise.all([
      new ArchiveFile(entries()).stat(),
      new ArchiveFile(entries(declared)).stat(),
    ]);
    expect(blocks.etag).not.toBe(stored.etag);
    expect(blocks.size).toBeGreaterThan(stored.size ?? Infinity);
  });

  it("of a ZIP without members is the end of a directory", async () => {
    expect(await read(new ArchiveFile([]))).toHaveLength(22);
  });
});

describe("the entity tag", () => {
  const base: ArchiveEntry = { name: "a", file: virtual("x"), size: 1, etag: '"1"', lastModified };
  it.each<[string, Partial<ArchiveEntry>]>([
    ["name", { name: "b" }],
    ["length", { size: 2 }],
    ["time", { lastModified: new Date(0) }],
    ["tag", { etag: '"2"' }],
    ["permissions", { mode: 0o600 }],
  ])("is another one for another %s of a member", async (_, change) => {
    const [one, other] = await Promise.all(
      [base, { ...base, ...change }].map((entry) => new ArchiveFile([entry]).stat()),
    );
    expect(one!.etag).not.toBe(other!.etag);
  });

  it("is another one for other members, another order and another format", async () => {
    const entry = (name: string, content: string): ArchiveEntry => ({ name, file: virtual(content) });
    const [a, b] = [entry("a", "1"), entry("b", "2")];
    const many = Array.from({ length: 501 }, (_, at) => entry(`${at}`, "x"));
    const lists: readonly (readonly [ArchiveEntry[], ArchiveOptions?])[] = [
      [[]],
      [[], { format: "tar" }],
      [[a]],
      [[a], { format: "tar" }],
      [[a, b]],
      [[b, a]],
      [[entry("a", "2"), entry("b", "1")]],
      [[a, { name: "b/" }]],
      [[a, entry("b", "")]],
      [[a, a]],
      [[{ ...a, crc32: 0 }]],
      [[entry("a,b", "1")]],
      [[entry("a\nb", "1")]],
      [many],
      [many.slice(0, 500)],
      [many.toReversed()],
    ];
    const tags = await Promise.all(
      lists.map(async ([list, options]) => (await new ArchiveFile(list, options).stat()).etag),
    );
    expect(new Set(tags).size).toBe(lists.length);
  });

  // So that a download which began on one server goes on on another that has a copy of the files.
  it("does not tell where a member is from", async () => {
    const tagAt = async (url: string): Promise<string | undefined> =>
      (await new ArchiveFile([{ name: "a", file: new VirtualFile("x", { lastModified, url }) }]).stat()).etag;
    expect(await tagAt("/one/a")).toBe(await tagAt("/two/a"));
  });

  it("is weak if that of one member is, or is missing", async () => {
    for (const etag of ['W/"1"', undefined]) {
      const file: DownloadFile = {
        ...virtual("x"),
        name: "x",
        stat: async () => ({ size: 1, ...(etag ? { etag } : {}) }),
        open: () => virtual("x").open(),
      };
      expect((await new ArchiveFile([{ name: "a", file }]).stat()).etag).toMatch(/^W\//);
    }
  });

  it("never comes again where neither tag nor time of a member is known", async () => {
    const file: DownloadFile = { name: "x", stat: async () => ({ size: 1 }), open: () => virtual("x").open() };
    const archive = new ArchiveFile([{ name: "a", file }]);
    expect((await archive.stat()).etag).not.toBe((await archive.stat()).etag);
  });
});

describe("a checksum", () => {
  it("that a range needs is computed once for all who ask, and then remembered", async () => {
    const file = counted(randomBytes(1000));
    const fingerprints = new MemoryFingerprints();
    const archive = new ArchiveFile([{ name: "a", file }], { fingerprints });
    const { size = 0 } = await archive.stat();
    const tail = { start: size - 60, end: size - 1 };
    const [first, second] = await Promise.all([read(archive, tail), read(archive, tail)]);
    expect(first).toEqual(second);
    await read(archive, tail);
    expect(file.opens).toBe(1);
  });

  it("of a weak entity tag is not remembered", async () => {
    const file = counted(randomBytes(1000), { etag: 'W/"1"' });
    const archive = new ArchiveFile([{ name: "a", file }], { fingerprints: new MemoryFingerprints() });
    const { size = 0 } = await archive.stat();
    await read(archive, { start: size - 60, end: size - 1 });
    await read(archive, { start: size - 60, end: size - 1 });
    expect(file.opens).toBe(2);
  });

  it("that a source declares and that is not that of its bytes breaks the download", async () => {
    const archive = new ArchiveFile([{ name: "a", file: counted(Buffer.from("x"), { crc32: 1 }) }]);
    await expect(read(archive)).rejects.toThrow(FileChangedError);
  });

  it("survives a store that fails", async () => {
    const fail = (): never => {
      throw new Error("down");
    };
    const archive = new ArchiveFile([{ name: "a", file: counted(Buffer.from("x")) }], {
      fingerprints: { get: fail, set: async () => fail() },
    });
    const { size = 0 } = await archive.stat();
    expect(await read(archive, { start: size - 22, end: size - 1 })).toHaveLength(22);
    expect(await read(archive)).toHaveLength(size);
  });
});

describe("a checksum that a range waits for", () => {
  it("is given up when the last client that waits for it leaves, and not before", async () => {
    let isAborted = false;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const content = randomBytes(1000);
    const file: DownloadFile = {
      name: "slow",
      url: "memory:slow",
      stat: () => virtual(content).stat(),
      async open({ signal } = {}) {
        const opened = await virtual(content).open();
        const never = new Promise<never>((_, reject) => {
          signal?.addEventListener("abort", () => ((isAborted = true), reject(signal.reason as Error)), { once: true });
        });
        begin();
        return {
          stat: opened.stat,
          content: () => never,
          close: async () => undefined,
          [Symbol.asyncDispose]: async () => undefined,
        };
      },
    };
    const archive = new ArchiveFile([{ name: "a", file }], { fingerprints: new MemoryFingerprints() });
    const { size = 0 } = await archive.stat();
    const waiting = await Promise.all(
      [1, 2].map(async () => {
        const opened = await archive.open();
        const reading = (async () => {
          for await (const _ of readOpened(opened, { start: size - 60, end: size - 1 }));
        })();
        reading.catch(() => undefined);
        return { opened, reading };
      }),
    );
    await begun;
    await waiting[0]!.opened.close();
    await expect(waiting[0]!.reading).rejects.toThrow(/closed/);
    expect(isAborted).toBe(false);
    await waiting[1]!.opened.close();
    await expect(waiting[1]!.reading).rejects.toThrow(/closed/);
    expect(isAborted).toBe(true);
  });
});

describe("a member that changed between its description and the first byte", () => {
  /** Each time that it is described it has another tag than when it is opened, `changes` times. */
  const restless = (changes: number): DownloadFile => {
    const inner = virtual("hello");
    let left = changes;
    return {
      name: "restless",
      stat: async () => ({ ...(await inner.stat()), etag: `"${left > 0 ? "old" : "new"}"` }),
      async open() {
        left -= 1;
        const opened = await inner.open();
        return {
          stat: { ...opened.stat, etag: '"new"' },
          content: (range?: ByteRange) => opened.content(range),
          close: () => opened.close(),
          [Symbol.asyncDispose]: () => opened.close(),
        };
      },
    };
  };

  it.each([
    [1, 200],
    [Infinity, 503],
  ])("is described anew: after %d changes the client gets a %d", async (changes, status) => {
    const archive = new ArchiveFile([{ name: "a", file: restless(changes) }]);
    const response = await toFetchHandler(async () => download(archive), { onError: () => undefined })(
      new Request("http://localhost/"),
    );
    expect(response.status).toBe(status);
    const { byteLength } = await response.arrayBuffer();
    if (status === 200) expect(byteLength).toBe(Number(response.headers.get("Content-Length")));
  });
});

describe("members that are pinned", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "archive-"))));
  afterAll(() => rm(folder, { recursive: true }));

  const old = new Date("2020-01-01T00:00:00Z");
  async function local(name: string, content: string): Promise<LocalFile> {
    await writeFile(join(folder, name), content);
    await utimes(join(folder, name), old, old);
    return new LocalFile(join(folder, name));
  }

  it.each<[string, (path: string) => Promise<unknown>]>([
    ["was replaced", (path) => writeFile(path, "other")],
    ["shrank", (path) => truncate(path, 2)],
    ["grew", (path) => writeFile(path, "longer than before")],
    ["is gone", (path) => rm(path)],
  ])("break the download if one %s after it was described", async (name, change) => {
    const files = [await local(`${name} 1`, "first"), await local(`${name} 2`, "whole")];
    const archive = new ArchiveFile(files.map((file) => ({ name: file.name, file })));
    const opened = await archive.open();
    await change(files[1]!.path);
    const reading = (async () => {
      for await (const _ of readOpened(opened));
    })();
    await expect(reading).rejects.toThrow(/changed|not found|early/i);
    await opened.close();
  });
});

describe("what bad input gets", () => {
  const missing: DownloadFile = {
    name: "gone",
    stat: () => Promise.reject(new FileNotFoundError()),
    open: () => Promise.reject(new FileNotFoundError()),
  };
  it.each<[string, ArchiveEntry[], ArchiveOptions, unknown]>([
    ["a missing file", [{ name: "a", file: missing }], {}, FileNotFoundError],
    ["an unknown length", [{ name: "a", file: new VirtualFile(() => "x") }], {}, ArchiveEntryError],
    ["a negative length", [{ name: "a", file: virtual("x"), size: -1 }], {}, ArchiveEntryError],
    ["a missing file", [{ name: "a" }], {}, ArchiveEntryError],
    ["a name that is not a string", [{ name: 1, file: virtual("x") } as never], {}, ArchiveEntryError],
    ["too many entries", entries(), { maxEntries: 3 }, ContentTooLargeError],
    ["too many bytes", entries(), { maxBytes: 1000 }, ContentTooLargeError],
    ["a name that is there twice", [entries()[0]!, entries()[0]!], { duplicates: "refuse" }, ArchiveEntryError],
  ])("%s is refused before the first byte", async (_, list, options, error) => {
    await expect(new ArchiveFile(list, options).open()).rejects.toThrow(error);
  });

  it("a missing file may be listed instead", async () => {
    const archive = new ArchiveFile([{ name: "a.txt", file: missing }, ...entries()], { missing: "list" });
    expect((await read(archive)).toString("latin1")).toContain("are not in this archive:\n\na.txt\n");
  });

  it("no text of a client's answer names an entry", async () => {
    const error = await new ArchiveFile([{ name: "secret", file: new VirtualFile(() => "x") }])
      .stat()
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ status: 500, expose: false });
    expect(await error.getResponse().text()).not.toContain("secret");
  });
});

describe("entries", () => {
  it("may come from a generator, which is gone through once", async () => {
    let runs = 0;
    async function* rows(): AsyncGenerator<ArchiveEntry> {
      runs += 1;
      yield { name: "a", file: virtual("x") };
    }
    const archive = new ArchiveFile(rows());
    await archive.stat();
    expect(await read(archive)).toHaveLength((await archive.stat()).size!);
    expect(runs).toBe(1);
  });

  it.each([{ etag: '"old"' }, { etag: '"old"', size: 5 }])(
    "whose tag the application knows are not sent as another version: %o",
    async (known) => {
      const entry = { name: "a", file: counted(Buffer.from("hello"), { etag: '"new"' }), lastModified, ...known };
      await expect(read(new ArchiveFile([entry]))).rejects.toThrow(FileChangedError);
    },
  );

  it("whose size and tag the application knows are not asked", async () => {
    let stats = 0;
    const file: DownloadFile = {
      name: "a",
      stat: async () => ({ size: (stats += 1) }),
      open: () => virtual("x").open(),
    };
    await new ArchiveFile([{ name: "a", file, size: 1, etag: '"1"' }]).stat();
    expect(stats).toBe(0);
  });
});

describe("members that are streams", () => {
  const size = 300_000;

  /** An archive of three, and the names of those that were cancelled. */
  function streams(): { readonly archive: ArchiveFile; readonly cancelled: string[] } {
    const cancelled: string[] = [];
    const entries = ["a", "b", "c"].map((name) => {
      const source = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            controller.enqueue(new Uint8Array(size));
            controller.close();
          },
          cancel: () => void cancelled.push(name),
        },
        { highWaterMark: 0 },
      );
      return { name, file: new VirtualFile(source, { size, lastModified, etag: `"${name}"` }) };
    });
    return { archive: new ArchiveFile(entries), cancelled };
  }

  it.each<[string, RequestInit, string[]]>([
    ["a HEAD", { method: "HEAD" }, ["a", "b", "c"]],
    ["a client that has failed a precondition", { headers: { "If-Match": '"x"' } }, ["a", "b", "c"]],
    ["a client that leaves after the first chunk", {}, ["b", "c"]],
  ])("are freed for %s", async (_, init, expected) => {
    const { archive, cancelled } = streams();
    const response = await toFetchHandler(async () => download(archive))(new Request("http://localhost/", init));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await vi.waitFor(() => expect(cancelled.toSorted()).toEqual(expected));
  });

  it("are freed when the archive is closed before it is read, or not opened at all", async () => {
    for (const end of [
      async (archive: ArchiveFile) => (await archive.open()).close(),
      (archive: ArchiveFile) => archive.release(),
    ]) {
      const { archive, cancelled } = streams();
      await end(archive);
      await vi.waitFor(() => expect(cancelled.toSorted()).toEqual(["a", "b", "c"]));
    }
  });

  it("are read to their ends otherwise", async () => {
    const { archive, cancelled } = streams();
    expect(await read(archive)).toHaveLength((await streams().archive.stat()).size!);
    expect(cancelled).toEqual([]);
  });
});

describe("closing", () => {
  it("ends a read at once, and closes the member that is open", async () => {
    let closed = 0;
    const content = randomBytes(600_000);
    const file: DownloadFile = {
      name: "a",
      stat: () => virtual(content).stat(),
      async open() {
        const opened = await virtual(content).open();
        return {
          stat: opened.stat,
          content: (range?: ByteRange) => opened.content(range),
          close: async () => void (closed += 1),
          [Symbol.asyncDispose]: async () => undefined,
        };
      },
    };
    const opened = await new ArchiveFile([
      { name: "a", file },
      { name: "b", file },
    ]).open();
    const reading = readOpened(opened)[Symbol.asyncIterator]();
    await reading.next();
    await opened.close();
    await expect(reading.next()).rejects.toThrow(/closed/);
    expect(closed).toBeGreaterThanOrEqual(1);
  });
});

describe("every range of a small archive", () => {
  const small: readonly [name: string, content: string][] = [
    ["a", "hello"],
    ["é", ""],
  ];
  const make = (options: ArchiveOptions, known: FileStat | undefined): ArchiveFile =>
    new ArchiveFile(
      small.map(([name, content]) => ({
        name,
        file: counted(Buffer.from(content), known && { crc32: crc32(Buffer.from(content)) }),
      })),
      options,
    );

  /** Steps that leave out no boundary of a part: all for a ZIP, and of the blocks of a TAR those around each boundary. */
  it.each<[string, ArchiveFile, (at: number) => boolean]>([
    ["ZIP of blocks", make({}, undefined), () => true],
    ["ZIP of stored members", make({}, {}), () => true],
    ["TAR", make({ format: "tar" }, undefined), (at) => (at + 3) % 512 < 9 || at % 131 === 0],
  ])("is the slice of the whole: %s", async (_, archive, isTried) => {
    const whole = await read(archive);
    const offsets = Array.from({ length: whole.byteLength }, (_byte, at) => at).filter(isTried);
    await using opened = await archive.open();
    for (const start of offsets) {
      for (const end of offsets) {
        if (end < start) continue;
        const content = await opened.content({ start, end });
        if (content.kind !== "chunks") throw new Error(content.kind);
        const chunks: Uint8Array[] = [];
        for await (const chunk of content.chunks) chunks.push(chunk);
        if (!Buffer.concat(chunks).equals(whole.subarray(start, end + 1))) throw new Error(`${start}-${end}`);
      }
    }
  });
});

describe("an archive of local files", () => {
  let folder: string;
  let files: LocalFile[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "archive-"));
    const sizes = [10, 0, 70_000, 65_536, 200_000, ...Array.from({ length: 40 }, (_, at) => at * 13)];
    for (const [at, size] of sizes.entries()) {
      await writeFile(join(folder, `${at}`), randomBytes(size));
      await utimes(join(folder, `${at}`), 1e9, 1e9);
    }
    files = sizes.map((_, at) => new LocalFile(`${at}`, { root: folder }));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const make = (format: "zip" | "tar"): ArchiveFile =>
    new ArchiveFile(
      files.map((file) => ({ name: file.name, file })),
      { format, fingerprints: new MemoryFingerprints() },
    );

  it.each(["zip", "tar"] as const)("is read from the disk, from any position and in any order: %s", async (format) => {
    const whole = await read(make(format));
    await using opened = await make(format).open();
    const content = await opened.content();
    if (content.kind !== "seekable") throw new Error(content.kind);
    for (const [position, length] of [
      [0, 100],
      [100, 50_000],
      [300_000, 9],
      [20, 150_000],
      [150_020, whole.byteLength - 150_020],
      [whole.byteLength - 30, 30],
    ] as const) {
      const target = new Uint8Array(length);
      expect(await content.readInto(target, position)).toBe(length);
      expect(whole.subarray(position, position + length).equals(target), `${position}`).toBe(true);
    }
  });

  it("reads a small member at once, and opens a large one when its turn comes", async () => {
    const opens: string[] = [];
    const closed: string[] = [];
    const entries = files.map((file) => ({
      name: file.name,
      file: {
        name: file.name,
        path: file.path,
        stat: () => file.stat(),
        async open(options?: OpenOptions) {
          opens.push(file.name);
          const inner = await file.open(options);
          return Object.assign(inner, {
            close: async () => {
              closed.push(file.name);
            },
          });
        },
      },
    }));
    await using opened = await new ArchiveFile(entries).open();
    const content = await opened.content();
    if (content.kind !== "seekable") throw new Error(content.kind);
    await content.readInto(new Uint8Array(20), 0);
    expect(opens).toEqual([]);
    await content.readInto(new Uint8Array(200), 20);
    // The second one is empty. The third one has 70,000 bytes.
    expect({ opens, closed }).toEqual({ opens: ["0", "2"], closed: ["0"] });
  });

  /** Five small files on the disk that are read by `readInto`, which is told what it reads. */
  function slow(readInto: (at: number, target: Uint8Array) => Promise<number>): ArchiveEntry[] {
    return files.slice(10, 15).map((file, at) => ({
      name: file.name,
      file: {
        name: file.name,
        path: file.path,
        stat: () => file.stat(),
        async open(options?: OpenOptions) {
          const inner = await file.open(options);
          const { size: length = 0 } = inner.stat;
          const content = { kind: "seekable" as const, length, readInto: (target: Uint8Array) => readInto(at, target) };
          return Object.assign(inner, { content: async () => content });
        },
      },
    }));
  }

  it("reads small members at the same time", async () => {
    const all = gate();
    let came = 0;
    const entries = slow(async (_, target) => {
      if ((came += 1) === 5) all.open();
      await all.passed;
      return target.byteLength;
    });
    expect(await read(new ArchiveFile(entries))).toHaveLength((await new ArchiveFile(entries).stat()).size!);
  });

  // Otherwise the disk would write into memory that another response has by then.
  it("fails only when nothing writes into the memory any more that was to be filled", async () => {
    const failure = gate();
    const release = gate();
    const entries = slow(async (at, target) => {
      if (at === 1) {
        failure.open();
        throw new Error("A disk error");
      }
      await release.passed;
      return target.byteLength;
    });
    await using opened = await new ArchiveFile(entries).open();
    const content = await opened.content();
    if (content.kind !== "seekable") throw new Error(content.kind);
    let isOver = false;
    const filling = content.readInto(new Uint8Array(10_000), 0).finally(() => (isOver = true));
    filling.catch(() => undefined);
    await failure.passed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    release.open();
    await expect(filling).rejects.toThrow("A disk error");
  });

  it("asks for a CRC-32 that has to be computed outside of the turns of the disk", async () => {
    await using opened = await make("zip").open();
    expect((await opened.content({ start: 1, end: 10 })).kind).toBe("chunks");
    await using other = await make("tar").open();
    expect((await other.content({ start: 1, end: 10 })).kind).toBe("seekable");
  });
});

it("few chunks of archives are large at a time, however many clients stall", async () => {
  const content = new Uint8Array(2_000_000);
  const opened = await Promise.all(
    Array.from({ length: 50 }, () => new ArchiveFile([{ name: "a", file: virtual(content) }]).open()),
  );
  const lengths: number[] = [];
  for (const archive of opened) {
    const chunks = readOpened(archive);
    await chunks.next();
    lengths.push(((await chunks.next()).value as Uint8Array).byteLength);
  }
  expect(lengths.filter((length) => length > 64 * 1024)).toHaveLength(32);
  await Promise.all(opened.map((archive) => archive.close()));
  const again = readOpened(await new ArchiveFile([{ name: "a", file: virtual(content) }]).open());
  await again.next();
  expect(((await again.next()).value as Uint8Array).byteLength).toBeGreaterThan(64 * 1024);
  await again.return(undefined);
});
