import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { ColumnType } from "./column-type.ts";
import { describedColumns, lookupModel } from "./lookup-model.ts";

const columns = new Map<string, ColumnType>([
  ["id", "integer"],
  ["slug", "text"],
  ["data", "other"],
]);

/** A model that returns the values it was queried for. Undefined if it did not query. */
const model = lookupModel({ name: "documents", columns, find: async (lookup) => ({ asked: lookup }) });

describe("lookupModel", () => {
  it("asks for the row with these values, in the form of their columns", async () => {
    expect(await model.findOne({ id: "7", slug: "7" })).toEqual({
      asked: [
        ["id", 7],
        ["slug", "7"],
      ],
    });
  });

  it.each([7, 7n, false])("takes %s as it is", async (id) => {
    expect(await model.findOne({ id })).toEqual({ asked: [["id", id]] });
  });

  it.each([
    {},
    { id: "seven" },
    { id: "7", slug: "a\0" },
    { slug: { not: "" } },
    { slug: ["a"] },
    { slug: null },
    { slug: undefined },
    { slug: new Date(0) },
    { slug: Symbol("a") },
    { slug: () => "a" },
    { slug: new String("a") },
  ])("leaves the database alone for %o, which no row has", async (where) => {
    expect(await model.findOne(where)).toBeUndefined();
  });

  it.each(["title", "constructor", "toString", "slug OR 1=1"])(
    "refuses the column %j, which is not there",
    async (name) => {
      await expect(model.findOne({ [name]: "7" })).rejects.toThrow(ImproperlyConfiguredError);
      await expect(model.findOne({ [name]: "7" })).rejects.toThrow(`There is no column "${name}" in documents`);
    },
  );

  it("refuses a column that nothing in a URL can name", async () => {
    await expect(model.findOne({ data: "7" })).rejects.toThrow('{ columns: { data: "text" } }');
  });
});

describe("describedColumns", () => {
  it("prefers the application's types to those of the ORM", () => {
    const described = describedColumns("documents", columns, { columns: { slug: "uuid" } });
    expect([...described]).toEqual([
      ["id", "integer"],
      ["slug", "uuid"],
      ["data", "other"],
    ]);
    expect(columns.get("slug")).toBe("text");
  });

  it("refuses unknown columns", () => {
    const options = { columns: { nmae: "text", id: "uuid", toString: "text" } } as const;
    expect(() => describedColumns("documents", columns, options)).toThrow(ImproperlyConfiguredError);
    expect(() => describedColumns("documents", columns, options)).toThrow('no column "nmae", "toString" in documents');
  });
});
