import type { Model } from "../views/object-download-view.ts";
import { columnTypeIn, sqlColumnType, type ColumnType } from "./column-type.ts";
import { assertColumns, describedColumns, lookupModel, type ModelOptions } from "./lookup-model.ts";

/** A model class of Sequelize 6: as much of it as is used. */
export interface SequelizeModelClass<T> {
  readonly name: string;
  readonly prototype: T;
  readonly sequelize?: { getDialect(): string } | undefined;
  getAttributes(): Readonly<Record<string, { readonly type: unknown }>>;
  findOne(options: never): Promise<unknown>;
  /** What its scope adds to every query. */
  readonly _scope?: { readonly where?: unknown };
}

export interface SequelizeModelOptions extends ModelOptions {
  /** A condition in Sequelize's own form that every row has to meet. A scope does the same. */
  where?: object;
}

/**
 * A model of Sequelize, or a scope of one: `sequelizeModel(Document.scope("published"))`.
 *
 * @throws {ImproperlyConfiguredError} if `where` or `columns` names an attribute that isn't there
 *
 * @example
 * ```ts
 * import { ObjectDownloadView } from "downloadview";
 * import { sequelizeModel } from "downloadview/models";
 *
 * // class Document extends Model {}
 * class Document {
 *   declare file: string;
 *   static readonly sequelize = { getDialect: () => "postgres" };
 *   static getAttributes() {
 *     return { id: { type: { key: "INTEGER" } }, file: { type: { key: "STRING" } } };
 *   }
 *   static async findOne(_query: object): Promise<Document | null> {
 *     return null;
 *   }
 * }
 * const documents = sequelizeModel(Document);
 * console.assert(typeof ObjectDownloadView.asView({ model: documents }) === "function");
 * console.assert((await documents.findOne({ id: "1e3" })) === undefined);
 * ```
 */
export function sequelizeModel<T>(model: SequelizeModelClass<T>, options: SequelizeModelOptions = {}): Model<T> {
  const known = columnTypes(model);
  assertColumns(model.name, known, Object.keys(options.where ?? {}).filter(isPlainName));
  return lookupModel({
    name: model.name,
    columns: describedColumns(model.name, known, options),
    hasField: (name) => known.has(name) || name in (model.prototype as object),
    find: (entries) => {
      const where = allOf([conditionOf(model), options.where, Object.fromEntries(entries)]);
      return model.findOne({ where } as never) as Promise<T | null>;
    },
  });
}

// Sequelize lets the condition of a query replace that of a scope where both name one column, or use one operator: so
// the scope's is said again. `_scope` is where the class that `scope()` gives has it.
function conditionOf({ _scope }: SequelizeModelClass<unknown>): unknown {
  return _scope?.where;
}

// Sequelize's operators are registered symbols: this is its `Op.and`.
function allOf(conditions: readonly unknown[]): unknown {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length > 1 ? { [Symbol.for("and")]: given } : given[0];
}

// `$owner.name$` and `data.name` are of another table, or inside of a JSON value.
function isPlainName(name: string): boolean {
  return !/[$.]/.test(name);
}

function columnTypes(model: SequelizeModelClass<unknown>): Map<string, ColumnType> {
  const dialect = model.sequelize?.getDialect() ?? "";
  return new Map(
    Object.entries(model.getAttributes()).map(([name, { type }]) => [name, columnTypeIn(dialect, attributeType(type))]),
  );
}

function attributeType(type: unknown): ColumnType {
  const { key = "", values } = type as { key?: string; values?: readonly string[] };
  return values ?? sqlColumnType(key);
}
