import type { Model } from "../views/object-download-view.ts";
import { columnTypeIn, sqlColumnType, type ColumnType } from "./column-type.ts";
import { assertColumns, describedColumns, lookupModel, type ModelOptions } from "./lookup-model.ts";

/** The part of a Sequelize 6 model class that is used. */
export interface SequelizeModelClass<T> {
  readonly name: string;
  readonly prototype: T;
  readonly sequelize?: { getDialect(): string } | undefined;
  getAttributes(): Readonly<Record<string, { readonly type: unknown }>>;
  findOne(options: never): Promise<unknown>;
  /** The options that its scope adds to every query. */
  readonly _scope?: { readonly where?: unknown };
}

export interface SequelizeModelOptions extends ModelOptions {
  /** A condition in Sequelize's own form that every row has to meet. A scope does the same. */
  where?: object;
}

/**
 * Makes a model of a Sequelize model, or of a scope: `sequelizeModel(Document.scope("published"))`.
 *
 * @throws {ImproperlyConfiguredError} if `where` or `columns` names an unknown attribute
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
 * const handler = ObjectDownloadView.asView({ model: documents });
 * const request = new Request("http://localhost/");
 * const missing = await handler(request, { params: { pk: "1e3" }, native: undefined }).catch((error) => error);
 * console.assert(missing.status === 404);
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
      const where = allOf([
        inParentheses(conditionOf(model)),
        inParentheses(options.where),
        Object.fromEntries(entries),
      ]);
      return model.findOne({ where } as never) as Promise<T | null>;
    },
  });
}

// If the conditions of a query and of a scope name the same column or use the same operator, Sequelize keeps only the
// query's. So the scope's condition is repeated. The class that `scope()` returns has it in `_scope`.
function conditionOf({ _scope }: SequelizeModelClass<unknown>): unknown {
  return _scope?.where;
}

// Sequelize puts no parentheses around a `literal()`: with an OR of its own it would let any of its rows through. It puts
// them around a group.
function inParentheses(condition: unknown): unknown {
  return condition === undefined ? undefined : { [Symbol.for("and")]: [condition] };
}

// Sequelize's operators are registered symbols: this is its `Op.and`.
function allOf(conditions: readonly unknown[]): unknown {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length > 1 ? { [Symbol.for("and")]: given } : given[0];
}

// `$owner.name$` is a column of another table, and `data.name` is inside a JSON value.
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
