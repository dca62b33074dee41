import { beforeAll, describe, expect, it } from "vitest";
import {
  ImproperlyConfiguredError,
  MemoryStorage,
  ObjectDownloadView,
  type Model,
  type ViewOptions,
} from "downloadview";
import { assertDownloadResponse } from "downloadview/testing";
import { respond } from "../views/respond.ts";

/** A row as each ORM is given it to insert. */
export interface Document {
  id: number;
  slug: string;
  /** Bytes in the database. */
  data: Uint8Array;
  /** The name of a file in a storage. */
  key: string;
  title: string;
  type: string;
  /** Milliseconds since the epoch. */
  modified: number;
  published: boolean;
}

const bytes = Uint8Array.of(0, 1, 127, 128, 254, 255);
const modified = Date.UTC(2026, 0, 31, 12);

export const documents: readonly Document[] = [
  {
    id: 1,
    slug: "report",
    data: bytes,
    key: "1.pdf",
    title: "Repört.pdf",
    type: "application/pdf",
    modified,
    published: true,
  },
  {
    id: 2,
    slug: "draft",
    data: bytes,
    key: "2.pdf",
    title: "Draft.pdf",
    type: "application/pdf",
    modified,
    published: false,
  },
];

/** What the model of an ORM is made of, for a table with the {@link documents} in it. */
export interface DocumentModels {
  readonly all: Model;
  /** The rows that are published. */
  readonly published: Model;
  /** A condition on the very column that the URL names: only row 1. */
  readonly first: Model;
  /** A condition in SQL that is `id = 1 OR id = 2`. */
  readonly either: Model;
}

const noKeys = [
  "",
  "abc",
  "1e0",
  "1.0",
  " 1",
  "1 ",
  "1\n",
  "0x1",
  "+1",
  "01",
  "１",
  "1,2",
  "1;",
  "null",
  "true",
  "NaN",
];
const hugeKeys = ["9007199254740993", "9223372036854775807", "9223372036854775808", "1".repeat(1000), "-1", "3"];
const injections = ["1 OR 1=1", "1; DROP TABLE documents", "1' OR '1'='1", '1" OR "1"="1', "1)--", "1\0", "{}", "[]"];
const noSlugs = [
  "",
  "REPORT",
  "rep%",
  "_eport",
  "report ",
  "report\0",
  "\ud800",
  "' OR '1'='1",
  "x'; DROP TABLE documents; --",
];

/** Holds a model to the same behaviour whatever ORM and database are behind it. */
export function describeModel(name: string, makeModels: () => Promise<DocumentModels>): void {
  let models: DocumentModels;
  beforeAll(async () => {
    models = await makeModels();
  });

  const serve = (
    model: Model,
    params: Record<string, string>,
    options: ViewOptions<ObjectDownloadView> = {},
  ): Promise<Response> => respond(ObjectDownloadView.asView({ model, fileField: "data", ...options }), { params });

  describe(`ObjectDownloadView with a model of ${name}`, () => {
    it.each([{ pk: "1" }, { slug: "report" }])("serves the bytes of the row of %j", async (params) => {
      const described = { filenameField: "title", contentTypeField: "type", lastModifiedField: "modified" };
      await assertDownloadResponse(serve(models.all, params, described), {
        filename: "Repört.pdf",
        contentType: "application/pdf",
        size: 6,
        content: bytes,
        headers: { "Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT" },
      });
    });

    it("gives bytes as bytes", async () => {
      const row = (await models.all.findOne({ id: "1" })) as Document;
      expect(ArrayBuffer.isView(row.data) || (row.data as unknown) instanceof ArrayBuffer).toBe(true);
    });

    it("serves the file that the row names", async () => {
      const storage = new MemoryStorage();
      await storage.save("1.pdf", "%PDF");
      const options = { fileField: "key", storage };
      await assertDownloadResponse(serve(models.all, { pk: "1" }, options), { filename: "1.pdf", content: "%PDF" });
      expect((await serve(models.all, { pk: "2" }, options)).status).toBe(404);
    });

    it("has no row that the condition alone finds, also where the condition has an OR of its own", async () => {
      expect(await models.either.findOne({ slug: "missing" })).toBeFalsy();
      expect((await serve(models.either, { slug: "missing" })).status).toBe(404);
      expect(await models.either.findOne({ slug: "draft" })).toMatchObject({ slug: "draft" });
      expect(await models.either.findOne({ slug: "report" })).toMatchObject({ slug: "report" });
    });

    it.each([...noKeys, ...hugeKeys, ...injections])("has no row for the key %j", async (pk) => {
      expect((await serve(models.all, { pk })).status).toBe(404);
      expect((await serve(models.published, { pk })).status).toBe(404);
    });

    it.each([...noSlugs, ...injections])("has no row for the slug %j", async (slug) => {
      expect((await serve(models.all, { slug })).status).toBe(404);
      expect((await serve(models.published, { slug })).status).toBe(404);
    });

    it("still has its rows after that", async () => {
      for (const pk of ["1", "2"]) await assertDownloadResponse(serve(models.all, { pk }), { content: bytes });
    });

    it("holds every row to the model's own condition", async () => {
      await assertDownloadResponse(serve(models.published, { pk: "1" }));
      await assertDownloadResponse(serve(models.published, { slug: "report" }));
      for (const params of [{ pk: "2" }, { slug: "draft" }]) {
        expect((await serve(models.published, params)).status).toBe(404);
      }
    });

    it("does not let the URL replace a condition on the same column", async () => {
      await assertDownloadResponse(serve(models.first, { pk: "1" }));
      expect((await serve(models.first, { pk: "2" })).status).toBe(404);
    });

    it("takes no operator for a value", async () => {
      for (const value of [{ not: "" }, ["report"], null, undefined, { slug: "report" }]) {
        expect(await models.all.findOne({ slug: value })).toBeUndefined();
      }
      expect(await models.all.findOne({})).toBeUndefined();
    });

    it.each(["nmae", "constructor", "id = id OR id", "data"])("looks nothing up by %j", async (column) => {
      await expect(models.all.findOne({ [column]: "1" })).rejects.toBeInstanceOf(ImproperlyConfiguredError);
    });
  });
}

/** For models that know which fields their objects have. */
export function describeFields(makeModels: () => Promise<DocumentModels>): void {
  it.each([
    { fileField: "nmae" },
    { fileField: "data", filenameField: "nmae" },
    { fileField: "data", pkField: "nmae" },
  ])("refuses %j when a view is made", async (options) => {
    const { all: model } = await makeModels();
    expect(() => ObjectDownloadView.asView({ model, ...options })).toThrow(ImproperlyConfiguredError);
    expect(ObjectDownloadView.asView({ model, fileField: "data" })).toBeTypeOf("function");
  });
}
