import { ImproperlyConfiguredError } from "../errors.ts";
import type { Model } from "../views/object-download-view.ts";
import type { ColumnType } from "./column-type.ts";
import { lookupModel, type ModelOptions } from "./lookup-model.ts";

/** A model of a Prisma client, such as `prisma.document`: as much of it as is used. */
export interface PrismaDelegate<T> {
  findFirst(args: never): PromiseLike<T | null>;
  /** Prisma's references to the fields, which say what they hold. */
  readonly fields?: object;
}

export interface PrismaModelOptions extends ModelOptions {
  /** A condition in Prisma's own form that every row has to meet. */
  where?: object;
}

/**
 * A model of a Prisma client. Name in `columns` what Prisma doesn't tell: what a field that it calls a `String` holds, if
 * the database calls it a `uuid`, the values of an enumeration, and, as `other`, the fields that a client extension
 * computes. A client before Prisma 5 tells nothing.
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
 * console.assert(typeof handler === "function" && (await documents.findOne({ id: "seven" })) === undefined);
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

// Prisma does not say which values an enumeration has, and answers any other with an error.
function fieldType({ typeName = "", isList = false, isEnum = false }: FieldReference): ColumnType {
  return isList || isEnum ? "other" : (fieldTypesByName[typeName] ?? "other");
}
