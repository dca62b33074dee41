import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { prismaModel } from "./prisma.ts";

const fields = {
  id: { typeName: "Int", isList: false, isEnum: false },
  serial: { typeName: "BigInt" },
  rating: { typeName: "Float" },
  price: { typeName: "Decimal" },
  slug: { typeName: "String" },
  published: { typeName: "Boolean" },
  data: { typeName: "Bytes" },
  meta: { typeName: "Json" },
  createdAt: { typeName: "DateTime" },
  tags: { typeName: "String", isList: true },
  state: { typeName: "State", isEnum: true },
};

function delegate(known: object | null = fields): {
  calls: unknown[];
  findFirst(args: object): Promise<object>;
  fields?: object;
} {
  const calls: unknown[] = [];
  return {
    calls,
    findFirst: async (args) => {
      calls.push(args);
      return { found: true };
    },
    ...(known ? { fields: known } : {}),
  };
}

describe("prismaModel", () => {
  it.each([
    ["id", "7", 7],
    ["serial", "9007199254740993", 9007199254740993n],
    ["rating", "4.5", 4.5],
    ["price", "10", 10],
    ["slug", "7", "7"],
    ["published", "true", true],
  ])("asks by %s in the form of its field", async (name, text, value) => {
    const documents = delegate();
    expect(await prismaModel(documents).findOne({ [name]: text })).toEqual({ found: true });
    expect(documents.calls).toEqual([{ where: { [name]: value } }]);
  });

  it("holds every row to the condition, also where the URL names the same field", async () => {
    const documents = delegate();
    const where = { OR: [{ id: { in: [1, 2] } }, { owner: { name: "ada" } }] };
    await prismaModel(documents, { where }).findOne({ id: "7" });
    expect(documents.calls).toEqual([{ where: { AND: [where, { id: 7 }] } }]);
  });

  it.each([
    { id: "abc" },
    { id: "2147483648" },
    { serial: "9223372036854775808" },
    { slug: "a\0" },
    { slug: { not: "" } },
  ])("does not ask for %j", async (where) => {
    const documents = delegate();
    expect(await prismaModel(documents).findOne(where)).toBeUndefined();
    expect(documents.calls).toEqual([]);
  });

  it.each(["data", "meta", "createdAt", "tags", "state", "AND", "owner"])("looks nothing up by %s", async (name) => {
    await expect(prismaModel(delegate()).findOne({ [name]: "7" })).rejects.toThrow(ImproperlyConfiguredError);
  });

  it("prefers the application's type to Prisma's text or enumeration", async () => {
    const documents = delegate();
    const model = prismaModel(documents, { columns: { slug: "uuid", state: ["DRAFT", "FINAL"] } });
    expect(await model.findOne({ slug: "report" })).toBeUndefined();
    expect(await model.findOne({ state: "LOST" })).toBeUndefined();
    await model.findOne({ state: "DRAFT" });
    expect(documents.calls).toEqual([{ where: { state: "DRAFT" } }]);
  });

  it("knows its fields, and those of a client extension that `columns` names", () => {
    const { hasField } = prismaModel(delegate(), { columns: { computed: "other" } });
    expect(["data", "computed", "toString"].map((name) => hasField?.(name))).toEqual([true, true, false]);
  });

  it("calls the model by its name", async () => {
    const named = prismaModel(delegate({ id: { modelName: "Document", typeName: "Int" } }));
    await expect(named.findOne({ nmae: "7" })).rejects.toThrow('There is no column "nmae" in Document');
  });

  it("requires `columns` for a client that does not report its fields", async () => {
    const documents = delegate(null);
    expect(() => prismaModel(documents)).toThrow(ImproperlyConfiguredError);
    const model = prismaModel(documents, { columns: { id: "integer" } });
    await model.findOne({ id: "7" });
    expect(documents.calls).toEqual([{ where: { id: 7 } }]);
    expect(model.hasField).toBeUndefined();
  });
});
