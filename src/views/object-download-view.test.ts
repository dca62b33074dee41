import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { assertDownloadResponse, setupView, type DownloadExpectations } from "../testing/index.ts";
import { ObjectDownloadView, type Model } from "./object-download-view.ts";
import type { ViewOptions } from "./view.ts";

const storage = new MemoryStorage();
await storage.save("2026/7f3a.pdf", "%PDF-1.7");

type Row = Record<string, unknown>;

function rows(...all: Row[]): Model<Row> {
  return {
    findOne: async (where) =>
      all.find((row) => Object.entries(where).every(([name, value]) => String(row[name]) === value)),
  };
}

const report: Row = { id: 7, slug: "report", file: "2026/7f3a.pdf", title: "Annual repört.pdf", other: "Other" };

/** What a view of one row gives. */
function serve(row: Row, options: ViewOptions<ObjectDownloadView> = {}, headers: HeadersInit = {}): Promise<Response> {
  const handler = ObjectDownloadView.asView({ model: rows({ id: 7, ...row }), storage, ...options });
  return respond(handler, { params: { pk: "7" }, headers });
}

describe("ObjectDownloadView finds its object", () => {
  const handler = ObjectDownloadView.asView({ model: rows(report), storage });

  it.each([{ pk: "7" }, { slug: "report" }, { pk: "7", slug: "wrong" }])("by %j", async (params) => {
    await assertDownloadResponse(respond(handler, { params }), { content: "%PDF-1.7", filename: "7f3a.pdf" });
  });

  it.each([{}, { pk: "8" }, { slug: "missing" }, { pk: "", slug: "report" }, { id: "7" }])(
    "has none for %j",
    async (params) => {
      const response = await respond(handler, { params });
      expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
    },
  );

  it("tells the operator of a route that has neither parameter", async () => {
    const view = Object.assign(new ObjectDownloadView(), { model: rows(report) });
    await expect(setupView(view, "/", { id: "7" }).getObject()).rejects.toMatchObject({
      status: 404,
      cause: new Error('The route has neither a parameter "pk" nor "slug"'),
    });
  });

  it("by other fields and parameters", async () => {
    const options = { storage, model: rows({ number: 3, code: "x", file: "2026/7f3a.pdf" }) };
    const other = { ...options, pkField: "number", pkParam: "n", slugField: "code", slugParam: "c" };
    for (const params of [{ n: "3" }, { c: "x" }]) {
      await assertDownloadResponse(respond(ObjectDownloadView.asView(other), { params }));
      expect((await respond(ObjectDownloadView.asView(options), { params })).status).toBe(404);
    }
  });

  it("in a queryset before a model", async () => {
    const queryset = rows({ ...report, id: 9 });
    const narrowed = ObjectDownloadView.asView({ model: rows(report), queryset, storage });
    expect((await respond(narrowed, { params: { pk: "7" } })).status).toBe(404);
    await assertDownloadResponse(respond(narrowed, { params: { pk: "9" } }));
  });

  it("in the queryset that this user may see", async () => {
    class OwnDocuments extends ObjectDownloadView<{ user: string }> {
      override storage = storage;
      override getQueryset(): Model {
        const { user } = this.context.native;
        return rows({ ...report, id: `${user}-7` });
      }
    }
    const own = OwnDocuments.asView();
    const request = new Request("http://localhost/");
    const ask = (user: string): unknown => own(request, { params: { pk: "ada-7" }, native: { user } });
    await expect(ask("ada")).resolves.toBeDefined();
    await expect(ask("bob")).rejects.toBeInstanceOf(FileNotFoundError);
  });

  it.each([
    ["a value", () => report],
    ["a promise", async () => report],
  ])("by a getObject() of its own, that gives %s", async (_, getObject) => {
    const own = ObjectDownloadView.asView({ storage, getObject });
    await assertDownloadResponse(respond(own), { content: "%PDF-1.7" });
  });

  it.each([null, undefined])("in a model that says %s for none", async (none) => {
    const model = { findOne: () => none };
    expect((await respond(ObjectDownloadView.asView({ model }), { params: { pk: "7" } })).status).toBe(404);
  });

  it("and keeps it for the other methods", async () => {
    const named = ObjectDownloadView.asView<ObjectDownloadView<unknown, Row>>({
      model: rows(report),
      storage,
      getFilename() {
        return `${String(this.object?.["id"])}.pdf`;
      },
    });
    await assertDownloadResponse(respond(named, { params: { pk: "7" } }), { filename: "7.pdf" });
  });
});

describe("the file field", () => {
  const bytes = Uint8Array.of(0, 1, 254, 255);

  it.each<[string, unknown, DownloadExpectations]>([
    ["a name in the storage", "2026/7f3a.pdf", { filename: "7f3a.pdf", contentType: "application/pdf", size: 8 }],
    ["bytes", bytes, { filename: "file", contentType: "application/octet-stream", size: 4, content: bytes }],
    ["a Buffer", Buffer.from(bytes), { size: 4, content: bytes }],
    ["an ArrayBuffer", bytes.buffer, { size: 4, content: bytes }],
    ["a Blob", new Blob([bytes], { type: "image/png" }), { filename: "file", contentType: "image/png", size: 4 }],
    ["a File", new File([bytes], "a.png", { type: "image/png" }), { filename: "a.png", contentType: "image/png" }],
    ["a stream", Readable.from([bytes]), { filename: "file", content: bytes }],
    ["a DownloadFile", new VirtualFile("Hello", { name: "a/b.txt" }), { filename: "b.txt", content: "Hello" }],
    ["no bytes at all, which is a file too", new Uint8Array(), { size: 0, content: "" }],
  ])("may hold %s", async (_, file, expected) => {
    await assertDownloadResponse(serve({ file }), { status: 200, ...expected });
  });

  it.each([null, undefined, ""])("is empty where it holds %j", async (file) => {
    const response = await serve({ file });
    expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
  });

  it("tells the operator which field is empty", async () => {
    const view = Object.assign(new ObjectDownloadView(), { model: rows({ id: 7, scan: null }), fileField: "scan" });
    await expect(setupView(view, "/", { pk: "7" }).getFile()).rejects.toMatchObject({
      status: 404,
      cause: new Error('The field "scan" is empty'),
    });
  });

  it("is a mistake of the configuration where no object has it", async () => {
    const view = Object.assign(new ObjectDownloadView(), { model: rows({ id: 7 }), fileField: "nmae" });
    await expect(setupView(view, "/", { pk: "7" }).getFile()).rejects.toThrow(
      'ObjectDownloadView: the object that was found has no field "nmae". Is the name misspelled',
    );
  });

  it("is empty where another object of the same model has it", async () => {
    const documents = [{ id: "1", scan: new VirtualFile("a") }, { id: "2" }];
    const model = { findOne: ({ id }: Record<string, unknown>) => documents.find((document) => document.id === id) };
    const ask = (pk: string): Promise<DownloadFile> =>
      Promise.resolve(
        setupView(Object.assign(new ObjectDownloadView(), { model, fileField: "scan" }), "/", { pk }).getFile(),
      );
    await expect(ask("2")).rejects.toMatchObject({ status: 500 });
    await ask("1");
    await expect(ask("2")).rejects.toMatchObject({ status: 404 });
  });

  it.each(["missing.pdf", "../secret", "2026", "/etc/hostname"])("has no file for the name %j", async (file) => {
    const response = await serve({ file });
    expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
  });

  it("may be another one", async () => {
    await assertDownloadResponse(serve({ file: "x", other: bytes }, { fileField: "other" }), {
      filename: "other",
      content: bytes,
    });
  });

  it("may be computed by the object", async () => {
    class Entity {
      id = 7;
      get file(): DownloadFile {
        return new VirtualFile(`entity ${this.id}`, { name: "entity.txt" });
      }
    }
    const handler = ObjectDownloadView.asView({ model: { findOne: () => new Entity() } });
    await assertDownloadResponse(respond(handler, { params: { pk: "7" } }), { content: "entity 7" });
  });

  it("needs a storage to hold a name", async () => {
    await expect(
      setupView(Object.assign(new ObjectDownloadView(), { model: rows(report) }), "/", { pk: "7" }).getFile(),
    ).rejects.toThrow(ImproperlyConfiguredError);
  });
});

describe("the fields that describe the file", () => {
  const file = "2026/7f3a.pdf";

  it.each<[option: keyof ObjectDownloadView, value: unknown, DownloadExpectations]>([
    ["filenameField", "Annual repört.pdf", { filename: "Annual repört.pdf" }],
    ["filenameField", "notes.txt", { filename: "notes.txt", contentType: "text/plain" }],
    ["filenameField", null, { filename: "7f3a.pdf" }],
    ["filenameField", "", { filename: "7f3a.pdf" }],
    ["contentTypeField", "image/png", { contentType: "image/png" }],
    ["contentTypeField", "text/html", { contentType: "text/html; charset=utf-8" }],
    ["contentTypeField", null, { contentType: "application/pdf" }],
    ["contentTypeField", "", { contentType: "application/pdf" }],
    ["contentEncodingField", "gzip", { contentEncoding: "gzip" }],
    ["contentEncodingField", null, { contentEncoding: false }],
    ["contentEncodingField", "identity", { contentEncoding: false }],
  ])("%s: %j", async (option, value, expected) => {
    await assertDownloadResponse(serve({ file, extra: value }, { [option]: "extra" }), expected);
  });

  it.each([
    ["iso-8859-1", "text/plain; charset=iso-8859-1"],
    [null, "text/plain; charset=utf-8"],
    ["", "text/plain; charset=utf-8"],
  ])("charsetField: %j", async (value, contentType) => {
    const text = new VirtualFile("Hello", { name: "a.txt" });
    await assertDownloadResponse(serve({ file: text, extra: value }, { charsetField: "extra" }), { contentType });
  });

  it.each<[option: keyof ObjectDownloadView, value: unknown, DownloadExpectations]>([
    ["contentTypeField", "not a type", { contentType: "application/pdf" }],
    ["contentTypeField", "text/html\r\nX-Evil: 1", { contentType: "application/pdf", headers: { "X-Evil": false } }],
    ["contentTypeField", "текст/plain", { contentType: "application/pdf" }],
    ["contentEncodingField", "gzip\r\nX-Evil: 1", { contentEncoding: false, headers: { "X-Evil": false } }],
    ["contentEncodingField", "été", { contentEncoding: false }],
    ["charsetField", 'utf-8"; x="\r\nX-Evil: 1', { status: 200, headers: { "X-Evil": false } }],
    ["filenameField", "a\r\nX-Evil: 1.pdf", { status: 200, headers: { "X-Evil": false } }],
  ])("%s: %j, which was said by whoever uploaded it, breaks nothing", async (option, value, expected) => {
    await assertDownloadResponse(
      serve({ file, extra: value }, { contentType: undefined, [option]: "extra" }),
      expected,
    );
  });

  it("do not break a text by its charset", async () => {
    const text = new VirtualFile("Hello", { name: "a.txt" });
    const extra = 'utf-8"; x="\r\nX-Evil: 1';
    await assertDownloadResponse(serve({ file: text, extra }, { charsetField: "extra" }), {
      contentType: "text/plain; charset=utf-8",
    });
  });

  it.each([
    new Date("2026-01-31T12:00:00Z"),
    1769860800000,
    1769860800000n,
    "1769860800000",
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.000Z",
    "2026-01-31T13:00:00+01:00",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00",
    "2026-01-31 12:00:00.000",
    "2026-01-31 12:00",
  ])("lastModifiedField: %s", async (extra) => {
    const options = { lastModifiedField: "extra" };
    const modified = "Sat, 31 Jan 2026 12:00:00 GMT";
    await assertDownloadResponse(serve({ file: Uint8Array.of(1), extra }, options), {
      headers: { "Last-Modified": modified },
    });
    expect((await serve({ file: Uint8Array.of(1), extra }, options, { "If-Modified-Since": modified })).status).toBe(
      304,
    );
  });

  it.each([null, "", "yesterday", {}, true, Number.NaN, new Date(Number.NaN), 10n ** 30n])(
    "lastModifiedField: %s is no date",
    async (extra) => {
      await assertDownloadResponse(serve({ file: Uint8Array.of(1), extra }, { lastModifiedField: "extra" }), {
        headers: { "Last-Modified": false },
      });
    },
  );

  it.each([
    [5, "5"],
    [5n, "5"],
    ["5", "5"],
    [null, false],
    ["", false],
    [-5, false],
    [5.5, false],
    ["0x5", false],
    [" 5", false],
    [true, false],
  ] as const)("sizeField: %s", async (extra, length) => {
    const words = (): string[] => ["Hel", "lo"];
    await assertDownloadResponse(serve({ file: new VirtualFile(words), extra }, { sizeField: "extra" }), {
      headers: { "Content-Length": length },
      content: "Hello",
    });
  });

  it("never promise another length than that of bytes that are there", async () => {
    await assertDownloadResponse(serve({ file, extra: 3 }, { sizeField: "extra" }), { size: 8, content: "%PDF-1.7" });
  });

  it("come after the view's own", async () => {
    const row = { file, name: "row.pdf", type: "image/png", coding: "br", charset: "iso-8859-1" };
    const fields = {
      filenameField: "name",
      contentTypeField: "type",
      contentEncodingField: "coding",
      charsetField: "charset",
    };
    const own = { filename: "own.txt", contentType: "text/plain", contentEncoding: "gzip", charset: "utf-8" } as const;
    await assertDownloadResponse(serve(row, { ...fields, ...own }), {
      filename: "own.txt",
      contentType: "text/plain; charset=utf-8",
      contentEncoding: "gzip",
    });
    await assertDownloadResponse(serve(row, { ...fields, contentType: "text/plain", charset: false }), {
      contentType: "text/plain",
    });
  });
});

describe("ObjectDownloadView.asView", () => {
  it("is refused without a place to find objects", () => {
    expect(() => ObjectDownloadView.asView({ storage })).toThrow(ImproperlyConfiguredError);
    expect(() => ObjectDownloadView.asView()).toThrow("asView({ model })");
  });

  it.each<[string, ViewOptions<ObjectDownloadView>]>([
    ["getFile", { getFile: () => new VirtualFile("") }],
    ["getObject", { getObject: async () => report }],
    ["getQueryset", { getQueryset: () => rows(report) }],
  ])("is content with a %s() of its own", (_, options) => {
    expect(ObjectDownloadView.asView(options)).toBeTypeOf("function");
  });

  describe("with a model that knows its fields", () => {
    const known = (...fields: string[]): Model => ({
      findOne: () => report,
      hasField: (name) => fields.includes(name),
    });

    it("is content with fields that are there", () => {
      expect(ObjectDownloadView.asView({ model: known("id", "file") })).toBeTypeOf("function");
      expect(ObjectDownloadView.asView({ model: known("slug", "file") })).toBeTypeOf("function");
      const other = { pkField: "uuid", fileField: "data", filenameField: "title" };
      expect(ObjectDownloadView.asView({ model: known("uuid", "data", "title"), ...other })).toBeTypeOf("function");
    });

    it.each<[string, ViewOptions<ObjectDownloadView>]>([
      ["data", { fileField: "data" }],
      ["nmae", { filenameField: "nmae" }],
      ["nmae", { contentEncodingField: "nmae" }],
      ["nmae", { contentTypeField: "nmae" }],
      ["nmae", { charsetField: "nmae" }],
      ["nmae", { lastModifiedField: "nmae" }],
      ["nmae", { sizeField: "nmae" }],
      ["uuid", { pkField: "uuid" }],
      ["code", { slugField: "code" }],
    ])("is refused with the field %s in %j", (name, options) => {
      const make = (): unknown => ObjectDownloadView.asView({ model: known("id", "file"), ...options });
      expect(make).toThrow(ImproperlyConfiguredError);
      expect(make).toThrow(`the model has no field "${name}"`);
    });

    it("is refused where neither a key nor a slug is there to look for", () => {
      expect(() => ObjectDownloadView.asView({ model: known("uuid", "file") })).toThrow('"id", "slug"');
    });

    it("looks at the queryset's fields before the model's", () => {
      const queryset = known("id");
      expect(() => ObjectDownloadView.asView({ model: known("id", "file"), queryset })).toThrow('"file"');
    });

    it("does not know the fields of objects that come from elsewhere", () => {
      const options = { model: known("id"), getObject: async () => report };
      expect(ObjectDownloadView.asView(options)).toBeTypeOf("function");
    });
  });
});

describe("queryPkAndSlug", () => {
  const model = rows({ id: 7, slug: "report", file: new VirtualFile("Hello") });

  it.each([
    [true, { pk: "7", slug: "report" }, 200],
    [true, { pk: "7", slug: "guessed" }, 404],
    [true, { pk: "8", slug: "report" }, 404],
    [true, { pk: "7" }, 200],
    [true, { slug: "report" }, 200],
    [false, { pk: "7", slug: "guessed" }, 200],
    [undefined, { pk: "7", slug: "guessed" }, 200],
  ])("%s, asked for %j, is %i", async (queryPkAndSlug, params, status) => {
    expect((await respond(ObjectDownloadView.asView({ model, queryPkAndSlug }), { params })).status).toBe(status);
  });
});

it("takes the storage that getStorage() chooses", async () => {
  const handler = ObjectDownloadView.asView({
    model: rows({ id: 7, file: "2026/7f3a.pdf" }),
    getStorage: () => storage,
  });
  expect((await respond(handler, { params: { pk: "7" } })).status).toBe(200);
});
