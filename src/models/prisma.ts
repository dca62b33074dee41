import { ImproperlyConfiguredError } from "../errors.ts";
import type { Model } from "../views/object-download-view.ts";
import type { ColumnType } from "./column-type.ts";
import { lookupModel, type ModelOptions } from "./lookup-model.ts";

/** The part of a Prisma client's model, such as `prisma.document`, that is used. */
export interface PrismaDelegate<T> {
  findFirst(args: never): PromiseLike<T | null>;
  /** Prisma's references to the fields, with their types. */
  readonly fields?: object;
}

export interface PrismaModelOptions extends ModelOptions {
  /** A condition in Prisma's own form that every row has to meet. */
  where?: object;
}

/**
 * Makes a model of a Prisma client's model. Declare in `columns` what Prisma does not report:
 *
 * - a `String` that is a `uuid` in the database;
 * - the values of an enumeration;
 * - as `other`, the fields that a client extension computes.
 *
 * Clients before Prisma 5 report no fields: declare all.
 *
 * @throws {ImproperlyConfiguredError} if no field is known
 *
 * @example
 * ```ts
 * import { ObjectDownloadView } from "downloadview";
 * import { prismaModel } from "downloadview/models";
 *
 * // const prisma = new PrismaClient();
 * const rows = [{ id: 7, data: new Uint8Array([1, 2, 3]), published: true }];
 * const prisma = {
 *   document: {
 *     findFirst: async (_query: object) => rows[0] ?? null,
 *     fields: { id: { typeName: "Int" }, data: { typeName: "Bytes" }, published: { typeName: "Boolean" } },
 *   },
 * };
 * const documents = prismaModel(prisma.document, { where: { published: true } });
 * const handler = ObjectDownloadView.asView({ model: documents, fileField: "data" });
 * const request = new Request("http://localhost/");
 * const missing = await handler(request, { params: { pk: "seven" }, native: undefined }).catch((error) => error);
 * console.assert(missing.status === 404);
 * ```
 */
export function prismaModel<T>(delegate: PrismaDelegate<T>, options: PrismaModelOptions = {}): Model<T> {
  const columns = new Map([...fieldTypes(delegate.fields), ...Object.entries(options.columns ?? {})]);
  if (columns.size === 0) {
    throw new ImproperlyConfiguredError(
      'This Prisma model does not expose its fields. Pass their types: { columns: { id: "integer" } }',
    );
  }
  return lookupModel({
    name: modelName(delegate.fields),
    columns,
    ...(delegate.fields ? { hasField: (name: string) => columns.has(name) } : {}),
    find: (entries) => {
      const lookup = Object.fromEntries(entries);
      return delegate.findFirst({ where: options.where ? { AND: [options.where, lookup] } : lookup } as never);
    },
  });
}

interface FieldReference {
  readonly modelName?: string;
  readonly typeName?: string;
  readonly isList?: boolean;
  readonly isEnum?: boolean;
}

function fieldTypes(fields: object = {}): [name: string, type: ColumnType][] {
  return Object.entries(fields).map(([name, field]) => [name, fieldType(field)]);
}

function modelName(fields: object = {}): string {
  const [first] = Object.values(fields) as FieldReference[];
  return first?.modelName ?? "the Prisma model";
}

const fieldTypesByName: Readonly<Record<string, ColumnType>> = {
  Int: "integer",
  BigInt: "bigint",
  Float: "number",
  Decimal: "number",
  String: "text",
  Boolean: "boolean",
};

// Prisma does not report the values of an enumeration, and answers any other value with an error.
function fieldType({ typeName = "", isList = false, isEnum = false }: FieldReference): ColumnType {
  return isList || isEnum ? "other" : (fieldTypesByName[typeName] ?? "other");
}
