import { EventEmitter, once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DownloadResponse,
  LocalFile,
  PermissionDeniedError,
  VirtualFile,
  download,
  type DownloadHandler,
  type DownloadOutcome,
} from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openDescriptors, until } from "../support/sockets.ts";

let root: string;
let path: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fetch-"));
  path = join(root, "big.bin");
  await writeFile(path, Buffer.alloc(4 * 1024 * 1024, "x"));
});
afterAll(() => rm(root, { recursive: true }));

const request = (init?: RequestInit): Request => new Request("http://localhost/", init);
const localFile: DownloadHandler = async () => new DownloadResponse(new LocalFile(path));

describe("a web response of a local file", () => {
  it("has all the bytes and an exact length", async () => {
    const response = await toFetchHandler(localFile)(request());
    expect(response.headers.get("content-length")).toBe(String(4 * 1024 * 1024));
    expect((await response.arrayBuffer()).byteLength).toBe(4 * 1024 * 1024);
    expect(openDescriptors(root)).toBe(0);
  });

  // A file that changed within two seconds is opened to see that it can be read, and stays open for a turn of the event loop,
  // as most responses read it next. An older one was seen to be readable before, and only the body opens it.
  it("never opens a file that was served before, if nothing reads the body", async () => {
    const old = import.meta.filename;
    const handler = toFetchHandler(async () => new DownloadResponse(new LocalFile(old)));
    await handler(request());
    await until(() => openDescriptors(old) === 0);
    const [, cancelled] = await Promise.all([handler(request()), handler(request())]);
    expect(openDescriptors(old)).toBe(0);
    await cancelled.body?.cancel();
    expect(openDescriptors(old)).toBe(0);
  });

  it("holds no file when it is dropped unread", async () => {
    await toFetchHandler(localFile)(request());
    await until(() => openDescriptors(root) === 0);
  });

  it("closes the file when it is cancelled unread", async () => {
    const response = await toFetchHandler(localFile)(request());
    await response.body?.cancel();
    await until(() => openDescriptors(root) === 0);
  });

  it("closes the file when it is cancelled half read", async () => {
    const response = await toFetchHandler(localFile)(request());
    const reader = response.body!.getReader();
    await reader.read();
    expect(openDescriptors(root)).toBe(1);
    await reader.cancel();
    expect(openDescriptors(root)).toBe(0);
  });

  it("closes the file when it is dropped half read, once its memory is collected", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    const handler = toFetchHandler(async () => new DownloadResponse(new LocalFile(path), { onFinish }));
    const readALittle = async (): Promise<void> => {
      const response = await handler(request());
      await response.body!.getReader().read();
    };
    await readALittle();
    expect(openDescriptors(root)).toBe(1);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await until(() => {
      collect();
      return openDescriptors(root) === 0;
    });
    expect(outcomes).toMatchObject([{ completed: false }]);
  });

  it("says nothing on the console when it is cancelled while the next bytes are read", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const source = new EventEmitter();
    async function* slow(): AsyncGenerator<string> {
      yield "first";
      source.emit("asked");
      await once(source, "go");
      yield "second";
    }
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    const asked = once(source, "asked");
    const response = await toFetchHandler(async () => download(slow, { name: "x", onFinish }))(request());
    const reader = response.body!.getReader();
    await reader.read();
    const pending = reader.read();
    await asked;
    await reader.cancel();
    source.emit("go");
    await pending;
    await new Promise(setImmediate);
    expect(outcomes).toMatchObject([{ kind: "aborted", bytesSent: 5 }]);
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  it("is closed on Deno when something else was sent", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    let complete: () => void = () => undefined;
    const completed = new Promise<void>((resolve) => (complete = resolve));
    const handler = toFetchHandler(async () => new DownloadResponse(new LocalFile(path), { onFinish }));
    await handler(request(), { remoteAddr: {}, completed });
    expect(outcomes).toEqual([]);
    complete();
    await until(() => outcomes.length > 0);
    expect(outcomes).toMatchObject([{ kind: "aborted", bytesSent: 0 }]);
  });

  it("closes the file when the request is aborted", async () => {
    const controller = new AbortController();
    const response = await toFetchHandler(localFile)(request({ signal: controller.signal }));
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort();
    await until(() => openDescriptors(root) === 0);
  });

  it("fails rather than mixing two files when it was replaced before it was read", async () => {
    const replaced = join(root, "replaced.bin");
    await writeFile(replaced, Buffer.alloc(100_000, "old"));
    const response = await toFetchHandler(async () => new DownloadResponse(new LocalFile(replaced)))(request());
    await writeFile(`${replaced}.new`, Buffer.alloc(100_000, "new"));
    await rename(`${replaced}.new`, replaced);
    await expect(response.text()).rejects.toThrow();
  });
});

describe("toFetchHandler", () => {
  it("answers HEAD with the head of GET and no body", async () => {
    const handler = toFetchHandler(localFile);
    const [get, head] = await Promise.all([handler(request()), handler(request({ method: "HEAD" }))]);
    expect([...head.headers]).toEqual([...get.headers]);
    expect(head.body).toBe(null);
    await get.body?.cancel();
  });

  it("answers a missing file with 404 and says nothing of its path", async () => {
    const missing = toFetchHandler(async () => new DownloadResponse(new LocalFile(join(root, "secret.txt"))));
    const response = await missing(request());
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("Not Found\n");
    expect(response.headers.has("etag")).toBe(false);
  });

  it("answers an error of ours with its status", async () => {
    const handler = toFetchHandler(async () => {
      throw new PermissionDeniedError();
    });
    expect((await handler(request())).status).toBe(403);
  });

  it("throws on any other error, for the runtime to hear of it", async () => {
    const handler = toFetchHandler(async () => {
      throw new RangeError("a bug");
    });
    await expect(handler(request())).rejects.toThrow("a bug");
  });

  it("throws the error of a generator that fails before its first byte", async () => {
    // oxlint-disable-next-line require-yield
    async function* broken(): AsyncGenerator<string> {
      throw new RangeError("too early");
    }
    await expect(toFetchHandler(async () => download(broken, { name: "x" }))(request())).rejects.toThrow("too early");
  });

  it("breaks the body of a generator that fails later, and says so to onFinish", async () => {
    const outcomes: DownloadOutcome[] = [];
    async function* broken(): AsyncGenerator<string> {
      yield "begun";
      throw new RangeError("too late");
    }
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    const response = await toFetchHandler(async () => download(broken, { name: "x", onFinish }))(request());
    await expect(response.text()).rejects.toThrow("too late");
    expect(outcomes).toMatchObject([{ completed: false, bytesSent: 5 }]);
  });

  it("stops a generator when its body is cancelled", async () => {
    let stopped = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield "more";
      } finally {
        stopped = true;
      }
    }
    const response = await toFetchHandler(async () => download(endless, { name: "x" }))(request());
    await response.body?.cancel();
    await until(() => stopped);
  });

  it("keeps content in memory intact however often it is served", async () => {
    const file = new VirtualFile(new Uint8Array([1, 2, 3, 4]), { name: "x" });
    const handler = toFetchHandler(async () => new DownloadResponse(file));
    for (let round = 0; round < 3; round += 1) {
      expect(new Uint8Array(await (await handler(request())).arrayBuffer())).toEqual(new Uint8Array([1, 2, 3, 4]));
    }
  });
});
