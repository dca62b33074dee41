import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import type { DownloadHandler } from "../responses/handler.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { presentationNames } from "../responses/presentation.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { BaseDownloadView } from "./base-download-view.ts";
import { ObjectDownloadView } from "./object-download-view.ts";
import { PathDownloadView } from "./path-download-view.ts";
import { StorageDownloadView } from "./storage-download-view.ts";
import { VirtualDownloadView } from "./virtual-download-view.ts";

const root = import.meta.dirname;
const storage = new MemoryStorage();
const model = { findOne: () => undefined };

describe("a getFile() of JavaScript", () => {
  it.each<[string, unknown, RegExp]>([
    [
      "a path",
      "/srv/a.txt",
      /must return a DownloadFile, got a string\. Wrap a path: new LocalFile\(path, \{ root \}\)/,
    ],
    ["a Buffer", Buffer.from("hello"), /got Buffer\. Wrap bytes.*new VirtualFile\(content, \{ name \}\)/],
    ["a Blob", new Blob(["hello"]), /got Blob\. Wrap bytes/],
    ["a URL", new URL("https://files.example/a"), /got URL\. Wrap it: new HTTPFile\(url\)/],
    ["a Response", new Response("hello"), /got Response\. Return it from get\(\)/],
    ["a function", () => "hello", /got a function\. Wrap bytes/],
    ["a number", 7, /got a number\./],
  ])("that returns %s is told what to write instead", async (_name, file, message) => {
    const handler = VirtualDownloadView.asView({ getFile: () => file as never });
    await expect(handler(new Request("http://localhost/"), { params: {}, native: undefined })).rejects.toThrow(message);
  });

  it.each([undefined, null])("that returns %s has no file, and its own answer for that", async (nothing) => {
    const handler = VirtualDownloadView.asView({
      getFile: () => nothing as never,
      fileNotFoundResponse: () => new Response("gone", { status: 410 }),
    });
    expect((await respond(handler)).status).toBe(410);
  });
});

describe("asView() of JavaScript", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["an array", []],
    ["a string", "/srv"],
    ["a function", () => undefined],
  ])("refuses %s", (_name, options) => {
    expect(() => VirtualDownloadView.asView(options as never)).toThrow(
      /VirtualDownloadView\.asView\(\) must be passed an object of options, or nothing; got/,
    );
  });

  it("takes an option that is undefined for one that is absent", async () => {
    class Inline extends BaseDownloadView {
      override attachment = false;
      override activeContent = "allow" as const;
      override getFile(): VirtualFile {
        return new VirtualFile("<p>", { name: "a.html" });
      }
    }
    const nothing = Object.fromEntries(presentationNames.map((name) => [name, undefined]));
    const { headers } = await respond(Inline.asView(nothing));
    expect([headers.get("Content-Disposition"), headers.get("Content-Security-Policy")]).toEqual([
      'inline; filename="a.html"',
      null,
    ]);
  });
});

describe("a parameter that the route does not have", () => {
  let warnings: unknown[][] = [];
  beforeEach(() => {
    warnings = [];
    vi.spyOn(process, "emitWarning").mockImplementation((...args: unknown[]) => void warnings.push(args));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  class PathView extends PathDownloadView {}
  class StorageView extends StorageDownloadView {}
  class ObjectView extends ObjectDownloadView {}

  it.each<[string, DownloadHandler, string]>([
    ["PathDownloadView", PathView.asView({ root: root, pathParam: "file" }), '"file"'],
    ["StorageDownloadView", StorageView.asView({ storage, pathParam: "file" }), '"file"'],
    ["ObjectDownloadView", ObjectView.asView({ model }), '"pk" and "slug"'],
  ])("is a 404, and one warning: %s", async (_name, handler, param) => {
    for (let request = 0; request < 3; request += 1) {
      const response = await respond(handler, { params: { id: "secret-7" } });
      expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
    }
    expect(warnings).toEqual([
      [
        expect.stringContaining(`looks for the route parameter ${param}, and the route has only "id"`),
        { type: "DownloadviewWarning", code: "DOWNLOADVIEW_NO_SUCH_PARAM" },
      ],
    ]);
    expect(String(warnings)).not.toContain("secret-7");
  });

  it.each<[string, DownloadHandler, Record<string, string | undefined>]>([
    ["an empty value", PathView.asView({ root: root }), { path: "" }],
    ["no value", PathView.asView({ root: root }), { path: undefined }],
    ["a default", PathView.asView({ root: root, path: "index.html" }), {}],
    ["a missing name", StorageView.asView({ storage }), { path: "missing.txt" }],
    ["a missing object", ObjectView.asView({ model }), { pk: "7" }],
  ])("is told from %s, which is no mistake", async (_name, handler, params) => {
    expect((await respond(handler, { params })).status).toBe(404);
    expect(warnings).toEqual([]);
  });
});
