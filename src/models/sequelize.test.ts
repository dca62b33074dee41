import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { sequelizeModel, type SequelizeModelClass } from "./sequelize.ts";

class Entity {
  get computed(): string {
    return "computed";
  }
}

const attributes = {
  id: { type: { key: "INTEGER" } },
  serial: { type: { key: "BIGINT" } },
  slug: { type: { key: "STRING" } },
  token: { type: { key: "UUID" } },
  price: { type: { key: "DECIMAL" } },
  ratio: { type: { key: "DOUBLE PRECISION" } },
  published: { type: { key: "BOOLEAN" } },
  state: { type: { key: "ENUM", values: ["draft", "final"] } },
  data: { type: { key: "BLOB" } },
  meta: { type: { key: "JSONB" } },
  createdAt: { type: { key: "DATE" } },
  full: { type: { key: "VIRTUAL" } },
};

function documents(dialect = "postgres"): SequelizeModelClass<Entity> & { calls: unknown[] } {
  const calls: unknown[] = [];
  return {
    name: "Document",
    calls,
    prototype: Entity.prototype,
    sequelize: { getDialect: () => dialect },
    getAttributes: () => attributes,
    findOne: async (options: object) => {
      calls.push(options);
      return new Entity();
    },
  };
}

// Sequelize 6 writes this in parentheses, and a literal in SQL without. `id = 1 OR id = 2 AND slug = 'x'` would find
// a row of another slug.
const group = (condition: object): object => ({ [Symbol.for("and")]: [condition] });

const token = "0190163d-8694-739b-aea5-966c26f8ad91";

describe("sequelizeModel", () => {
  it.each([
    ["id", "7", 7],
    ["serial", "9007199254740993", 9007199254740993n],
    ["slug", "7", "7"],
    ["token", token, token],
    ["price", "1.50", 1.5],
    ["ratio", "0.5", 0.5],
    ["published", "false", false],
    ["state", "final", "final"],
  ])("asks by %s in the form of its attribute", async (name, text, value) => {
    const model = documents();
    expect(await sequelizeModel(model).findOne({ [name]: text })).toBeInstanceOf(Entity);
    expect(model.calls).toEqual([{ where: { [name]: value } }]);
  });

  it("holds every row to the condition, also where the URL names the same attribute", async () => {
    const model = documents();
    const where = { id: [1, 2], "$owner.name$": "ada", "meta.kind": "public", [Symbol.for("or")]: [{}] };
    await sequelizeModel(model, { where }).findOne({ id: "7" });
    expect(model.calls).toEqual([{ where: { [Symbol.for("and")]: [group(where), { id: 7 }] } }]);
  });

  it("repeats the condition of a scope, because in Sequelize the URL would replace it", async () => {
    const scope = { where: { id: 2, published: true } };
    for (const where of [undefined, { slug: "a" }]) {
      const model = documents();
      await sequelizeModel({ ...model, _scope: scope }, where ? { where } : {}).findOne({ id: "7" });
      const all = where ? [group(scope.where), group(where), { id: 7 }] : [group(scope.where), { id: 7 }];
      expect(model.calls).toEqual([{ where: { [Symbol.for("and")]: all } }]);
    }
  });

  it.each([{ id: "1e3" }, { id: "2147483648" }, { token: "7" }, { state: "lost" }, { slug: "a\0" }, { slug: ["a"] }])(
    "does not ask for %j",
    async (where) => {
      const model = documents();
      expect(await sequelizeModel(model).findOne(where)).toBeUndefined();
      expect(model.calls).toEqual([]);
    },
  );

  it("queries a database whose integers may be larger", async () => {
    const model = documents("sqlite");
    await sequelizeModel(model).findOne({ id: "2147483648" });
    expect(model.calls).toEqual([{ where: { id: 2147483648 } }]);
  });

  it.each(["data", "meta", "createdAt", "full", "nmae"])("looks nothing up by %s", async (name) => {
    await expect(sequelizeModel(documents()).findOne({ [name]: "7" })).rejects.toThrow(ImproperlyConfiguredError);
  });

  it.each([{ where: { nmae: 1 } }, { columns: { nmae: "text" } }] as const)("refuses %j when it is made", (options) => {
    expect(() => sequelizeModel(documents(), options)).toThrow(ImproperlyConfiguredError);
    expect(() => sequelizeModel(documents(), options)).toThrow('no column "nmae" in Document');
  });

  it("knows its attributes, and what its class computes", () => {
    const { hasField } = sequelizeModel(documents());
    expect(["data", "full", "computed", "nmae"].map((name) => hasField?.(name))).toEqual([true, true, true, false]);
  });
});
