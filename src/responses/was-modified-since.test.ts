import { afterEach, describe, expect, it, vi } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { VirtualFile, type VirtualFileOptions, type VirtualSource } from "../files/virtual-file.ts";
import { VirtualDownloadView } from "../views/virtual-download-view.ts";
import { download } from "../views/download.ts";

afterEach(() => {
  vi.useRealTimers();
});

const now = "Sat, 31 Jan 2026 12:00:00 GMT";
const since = { "If-Modified-Since": now };

class NotImplementedError extends Error {}

function poem(options: VirtualFileOptions = {}): VirtualFile {
  return new VirtualFile(() => ["So much depends"], { name: "poem.txt", ...options });
}

describe("a file's wasModifiedSince", () => {
  it.each<[string, () => unknown, number]>([
    ["returns false", () => false, 304],
    ["returns true", () => true, 200],
    ["resolves to false", async () => false, 304],
    ["returns nothing", () => undefined, 200],
    ["returns null", () => null, 200],
    ["throws a NotImplementedError", () => raise(new NotImplementedError()), 200],
    ["throws a TypeError", () => raise(new TypeError("no")), 200],
    ["throws what is no error", () => raise("no"), 200],
    ["rejects", () => Promise.reject(new Error("no")), 200],
  ])("that %s", async (_name, wasModifiedSince, status) => {
    const file = poem({ wasModifiedSince: wasModifiedSince as () => boolean });
    const handler = VirtualDownloadView.asView({ getFile: () => file });
    expect((await respond(handler, { headers: since })).status).toBe(status);
    expect((await respond(async () => download(file), { headers: since })).status).toBe(status);
  });
});

function raise(error: unknown): never {
  throw error;
}

describe("a view that overrides wasModifiedSince", () => {
  class PoemView extends VirtualDownloadView {
    source: () => VirtualSource = () => () => ["So much depends"];
    changed: Date | undefined = undefined;
    override getFile(): DownloadFile {
      return new VirtualFile(this.source(), { name: "poem.txt" });
    }
    override async wasModifiedSince(_file: DownloadFile, since: Date): Promise<boolean> {
      return this.changed !== undefined && this.changed > since;
    }
  }

  it.each<[string, () => VirtualSource]>([
    ["a generator", () => () => ["So much depends"]],
    ["a stream", () => new Blob(["So much depends"]).stream()],
    ["a Blob", () => new Blob(["So much depends"])],
  ])("is asked again by a client that got %s from it", async (_name, source) => {
    const first = await respond(PoemView.asView({ source }));
    const validator = first.headers.get("Last-Modified");
    expect(first.status).toBe(200);
    expect(Math.abs(Date.parse(validator ?? "") - Date.now())).toBeLessThan(5000);
    const headers = { "If-Modified-Since": validator ?? "" };
    expect((await respond(PoemView.asView({ source }), { headers })).status).toBe(304);
    const changed = new Date(Date.now() + 60_000);
    expect((await respond(PoemView.asView({ source, changed }), { headers })).status).toBe(200);
  });

  it.each(["If-Unmodified-Since", "If-Match"])("does not let the time of an answer decide on %s", async (name) => {
    const headers = { [name]: name === "If-Match" ? '"any"' : "Sat, 31 Jan 2026 12:00:00 GMT" };
    expect((await respond(PoemView.asView(), { headers })).status).toBe(name === "If-Match" ? 412 : 200);
  });

  it("does not let the time of an answer stand for a version in If-Range", async () => {
    const source = (): VirtualSource => new Blob(["So much depends"]);
    const first = await respond(PoemView.asView({ source }));
    const headers = { Range: "bytes=3-", "If-Range": first.headers.get("Last-Modified") ?? "" };
    expect((await respond(PoemView.asView({ source }), { headers })).status).toBe(200);
  });

  it("keeps the validators that its file has", async () => {
    const text = await respond(PoemView.asView({ source: () => "text" }));
    expect([text.headers.get("Last-Modified"), text.headers.get("ETag")]).toEqual([null, expect.stringMatching(/^"/)]);
  });

  it("dates each answer anew, also for a description that its file gives out again", async () => {
    const stat = Object.freeze({ size: 4 });
    const file: DownloadFile = {
      name: "a.txt",
      stat: async () => stat,
      open: async () => ({ ...(await new VirtualFile("text").open()), stat }),
    };
    const handler = PoemView.asView({ getFile: () => file });
    const dates: unknown[] = [];
    for (const time of ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z"]) {
      vi.useFakeTimers({ now: new Date(time), toFake: ["Date"] });
      dates.push((await respond(handler, { method: "HEAD" })).headers.get("Last-Modified"));
    }
    expect(dates).toEqual(["Sat, 31 Jan 2026 12:00:00 GMT", "Sat, 31 Jan 2026 13:00:00 GMT"]);
  });

  it("is not asked about a view that overrides nothing, whose generated file gets no date", async () => {
    const handler = VirtualDownloadView.asView({ getFile: () => poem() });
    expect((await respond(handler)).headers.get("Last-Modified")).toBeNull();
    expect((await respond(handler, { headers: since })).status).toBe(200);
  });
});
