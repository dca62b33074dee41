import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  download,
  FileNotFoundError,
  FileSystemStorage,
  MemoryStorage,
  readOpened,
  VirtualFile,
  withMiddleware,
  type DownloadFile,
  type SignedUrlOptions,
  type Storage,
} from "../index.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { renderResult } from "../responses/render.ts";
import { closeBody, readBody } from "../responses/rendered-response.ts";
import { keepFiles, KeptFiles, type KeptFilesOptions, type KeptLeases } from "./index.ts";

let folder: string;
let storage: Storage;
const machines: KeptFiles[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  storage = new MemoryStorage();
});

afterEach(async () => {
  for (const kept of machines.splice(0)) await kept.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A machine with a folder of its own. */
function machine(options: Partial<KeptFilesOptions> = {}): KeptFiles {
  const kept = new KeptFiles({ folder: join(folder, `machine-${machines.length}`), shared: storage, ...options });
  machines.push(kept);
  return kept;
}

async function read(file: DownloadFile): Promise<string> {
  await using opened = await file.open();
  let text = "";
  for await (const chunk of readOpened(opened)) text += Buffer.from(chunk).toString();
  return text;
}

function counted(text = "report") {
  const counter = { made: 0, file };
  function file(): VirtualFile {
    const make = async function* (): AsyncGenerator<string> {
      yield `${text} ${(counter.made += 1)}`;
    };
    return new VirtualFile(make, { name: "report.txt", contentType: "text/plain" });
  }
  return counter;
}

async function names(prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of storage.list(prefix)) found.push(name);
  return found.toSorted();
}

/** What was made is in the storage a moment later. */
const shared = (): Promise<void> => expect.poll(() => names("kept/entries/")).not.toEqual([]);

const key = ["report", 7];

/** Leases in memory, for machines of one process. */
function memoryLeases(): KeptLeases & { readonly holders: Map<string, string> } {
  const holders = new Map<string, string>();
  return {
    holders,
    take: async (hash, holder) => !holders.has(hash) && Boolean(holders.set(hash, holder)),
    renew: async (hash, holder) => holders.get(hash) === holder,
    release: async (hash, holder) => void (holders.get(hash) === holder && holders.delete(hash)),
    revoke: async (hash) => void holders.delete(hash),
  };
}

for (const kind of ["memory", "file system"]) {
  test(`What one machine made another one fetches from a ${kind} storage, with the same validators`, async () => {
    if (kind === "file system") storage = new FileSystemStorage(join(folder, "shared"));
    const report = counted();
    const first = await machine().make(key, report.file());
    await shared();
    const second = await machine().make(key, report.file());
    expect([await read(second!), report.made]).toEqual(["report 1", 1]);
    expect(await second!.stat()).toEqual(await first!.stat());
    expect([second!.name, second!.madeAt]).toEqual(["report.txt", first!.madeAt]);
    expect(second!.path).not.toBe(first!.path);
  });
}

test("A file that is stale in the storage is made anew, for all machines", async () => {
  const report = counted();
  await machine().make(key, report.file());
  await shared();
  const before = await names("kept/files/");
  expect(await read((await machine().make(key, report.file(), { freshFor: 0 }))!)).toBe("report 2");
  await expect.poll(() => names("kept/files/")).not.toEqual(before);
  await expect.poll(async () => read((await machine().make(key, report.file()))!)).toBe("report 2");
});

for (const [what, damage] of [
  ["were replaced by others of the same length", (name: string) => storage.save(name, "REPORT 1")],
  ["were cut", (name: string) => storage.save(name, "repor")],
  ["are gone", (name: string) => storage.delete(name)],
] as const) {
  test(`If the bytes in the storage ${what}, the file is made, and no client gets the wrong ones`, async () => {
    const report = counted();
    await machine().make(key, report.file());
    await shared();
    for (const name of await names("kept/files/")) await damage(name);
    const second = machine();
    expect(await read((await second.make(key, report.file()))!)).toBe("report 2");
    expect(report.made).toBe(2);
  });
}

test("A client that reads along while wrong bytes are fetched gets an error in place of the last ones", async () => {
  const text = "x".repeat(300_000);
  const report = counted(text);
  await machine().make(key, report.file());
  await shared();
  const [name] = await names("kept/files/");
  await storage.save(name!, `${text} 2`);
  const handler = withMiddleware(async () => download(report.file()), keepFiles(machine(), { key: () => key }));
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  let received = 0;
  const reading = (async () => {
    if (rendered.body.kind === "none") return;
    for await (const chunk of readBody(rendered.body)) received += chunk.byteLength;
  })();
  await expect(reading).rejects.toMatchObject({ status: 503 });
  await closeBody(rendered.body);
  expect(received).toBeLessThan(text.length);
});

test("A record of another key is not served, whatever its name in the storage", async () => {
  await machine().make(["secret"], new VirtualFile("secret"));
  await shared();
  const [name] = await names("kept/entries/");
  await using opened = await storage.open(name!);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened)) chunks.push(chunk);
  const { hashKey } = await import("./key.ts");
  await storage.save(`kept/entries/${hashKey(["public"]).hash}.json`, Buffer.concat(chunks));
  expect(await read((await machine().make(["public"], new VirtualFile("public")))!)).toBe("public");
});

test("With leases, one machine makes a file while the others wait, and then fetch it", async () => {
  const leases = memoryLeases();
  const report = counted();
  const files = await Promise.all(Array.from({ length: 5 }, async () => machine({ leases }).make(key, report.file())));
  expect(await Promise.all(files.map((file) => read(file!)))).toEqual(Array(5).fill("report 1"));
  expect(report.made).toBe(1);
  await expect.poll(() => leases.holders.size).toBe(0);
});

test("A machine whose client has waited long enough makes the file itself", async () => {
  const leases = memoryLeases();
  const { hashKey } = await import("./key.ts");
  leases.holders.set(hashKey(key).hash, "a machine that takes long");
  const report = counted();
  const handler = withMiddleware(
    async () => download(report.file()),
    keepFiles(machine({ leases }), { key: () => key, patience: 50 }),
  );
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  await closeBody(rendered.body);
  expect(report.made).toBe(1);
});

test("If the leases or the storage fail, each machine makes its own", async () => {
  const failing = async (): Promise<never> => Promise.reject(new Error("down"));
  const leases: KeptLeases = { take: failing, renew: failing, release: failing, revoke: failing };
  const report = counted();
  expect(await read((await machine({ leases }).make(key, report.file()))!)).toBe("report 1");
  const down = {
    open: failing,
    stat: failing,
    save: failing,
    delete: failing,
    exists: failing,
    list: failing as never,
  };
  expect(await read((await machine({ shared: down }).make(key, report.file()))!)).toBe("report 2");
});

test("delete() and clear() remove what is in the storage", async () => {
  const report = counted();
  const kept = machine();
  await kept.make(key, report.file());
  await shared();
  expect(await kept.delete(key)).toBe(true);
  expect(await names()).toEqual([]);
  await kept.make(["a"], report.file());
  await kept.make(["b"], report.file());
  await expect.poll(() => names("kept/entries/")).toHaveLength(2);
  await kept.clear();
  expect(await names()).toEqual([]);
});

test("What was deleted while it was saved is not in the storage afterwards", async () => {
  let save!: () => void;
  const gate = new Promise<void>((resolve) => (save = resolve));
  let saving = 0;
  class SlowStorage extends MemoryStorage {
    override async save(...args: Parameters<MemoryStorage["save"]>): Promise<string> {
      saving += 1;
      await gate;
      return super.save(...args);
    }
  }
  storage = new SlowStorage();
  const kept = machine({ leases: memoryLeases() });
  await kept.make(key, counted().file());
  await expect.poll(() => saving).toBe(1);
  await kept.delete(key);
  save();
  await expect.poll(async () => readdir(join(kept.folder, "locks"))).toEqual([]);
  expect(await names()).toEqual([]);
});

test("Once the original is gone, no machine fetches what was made of it", async () => {
  const report = counted();
  await machine().make(key, report.file());
  await shared();
  const gone = new VirtualFile(() => {
    throw new FileNotFoundError();
  });
  await expect(machine().make(key, gone, { freshFor: 0 })).rejects.toMatchObject({ status: 404 });
  await expect.poll(() => names("kept/entries/")).toEqual([]);
});

test("A stream that is not read, since the file was fetched, is released", async () => {
  await machine().make(key, counted().file());
  await shared();
  let released = 0;
  const stream = new ReadableStream({ cancel: () => void (released += 1) });
  expect(await read((await machine().make(key, new VirtualFile(stream)))!)).toBe("report 1");
  await expect.poll(() => released).toBe(1);
});

/** A storage that makes URLs. */
class Bucket extends MemoryStorage {
  readonly asked: SignedUrlOptions[] = [];

  url(name: string, options: SignedUrlOptions = {}): string {
    this.asked.push(options);
    return `https://bucket.example/${name}`;
  }
}

async function locationOf(kept: KeptFiles, make: () => DownloadFile, init?: RequestInit): Promise<string | number> {
  const handler = withMiddleware(
    async () => download(make()),
    keepFiles(kept, { key: () => key }),
    redirectToStorage({ expiresIn: 600, url: (file, options) => kept.sharedUrl(file, options) }),
  );
  const request = new Request("http://localhost/", init);
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  if (rendered.body.kind !== "none") for await (const chunk of readBody(rendered.body)) expect(chunk).toBeDefined();
  await closeBody(rendered.body);
  const at = rendered.headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "location");
  return at === -1 ? rendered.status : rendered.headers[at + 1]!;
}

test("Clients are redirected to the shared storage once it has the file, and not to a file that it lost", async () => {
  const bucket = new Bucket();
  storage = bucket;
  const report = counted();
  const kept = machine();
  expect(await locationOf(kept, report.file)).toBe(200);
  await shared();
  const [bytes = ""] = await names("kept/files/");
  expect(await locationOf(kept, report.file)).toBe(`https://bucket.example/${bytes}`);
  expect(bucket.asked.at(-1)).toMatchObject({ contentType: "text/plain", contentDisposition: expect.any(String) });
  expect(await locationOf(kept, report.file, { method: "HEAD" })).toBe(200);
  await storage.delete(bytes);
  expect(await locationOf(kept, report.file)).toBe(200);
  expect(report.made).toBe(1);
});

test("No URL is made of compressed bytes, of a file of the application, or where no storage makes one", async () => {
  storage = new Bucket();
  const kept = machine();
  const table = new VirtualFile("a,b\n".repeat(1000), { name: "table.csv" });
  const compressed = await kept.derive(table, { recipe: "br", key }).ready();
  await shared();
  expect(await kept.sharedUrl(compressed!, {})).toBeUndefined();
  expect(await kept.sharedUrl(table, {})).toBeUndefined();
  storage = new MemoryStorage();
  const plain = machine();
  const file = await plain.make(key, counted().file());
  await shared();
  expect(await plain.sharedUrl(file!, {})).toBeUndefined();
  const alone = new KeptFiles({ folder: join(folder, "alone") });
  expect(await alone.sharedUrl((await alone.make(key, counted().file()))!, {})).toBeUndefined();
});

test("What a lifecycle rule of the bucket removes, records or bytes, is made again", async () => {
  for (const prefix of ["kept/entries/", "kept/files/"]) {
    storage = new MemoryStorage();
    const report = counted();
    await machine().make(key, report.file());
    await shared();
    for (const name of await names(prefix)) await storage.delete(name);
    expect(await read((await machine().make(key, report.file()))!)).toBe("report 2");
    await expect.poll(() => names(prefix)).not.toEqual([]);
    expect(await read((await machine().make(key, report.file()))!)).toBe("report 2");
  }
});

test("Without a storage, leases are refused: machines could not get what another one has made", () => {
  expect(() => new KeptFiles({ folder, leases: memoryLeases() })).toThrow("need a shared storage");
});

test("The key of a file is in its record alone, and in no name of the storage", async () => {
  await machine().make(["report", "alice@example.com"], counted().file());
  await shared();
  expect((await names()).join()).not.toContain("alice");
});
