/**
 * The type of a column, as far as a text in a URL can name its values: a text, a UUID, a boolean, an integer of 16
 * (`smallint`), 32 (`integer`) or 64 bits (`bigint`), any other `number`, or one of a list of texts. A URL cannot name a
 * value of `other`: bytes, JSON, dates, arrays.
 */
export type ColumnType =
  | "text"
  | "uuid"
  | "boolean"
  | "smallint"
  | "integer"
  | "bigint"
  | "number"
  | "other"
  | readonly string[];

/** A value as the database gets it: a parameter of a statement, never a part of its text. */
export type ColumnValue = string | number | bigint | boolean;

/**
 * Returns the value that `text` names in a column. Undefined if the column cannot hold such a value: no row has it, and the
 * database is not queried, because it might answer with an error.
 */
export function columnValue(type: Exclude<ColumnType, "other">, text: string): ColumnValue | undefined {
  if (typeof type === "object") return type.includes(text) ? text : undefined;
  switch (type) {
    case "text":
      return isStorable(text) ? text : undefined;
    case "uuid":
      return uuid.test(text) ? text : undefined;
    case "boolean":
      return text === "true" || text === "false" ? text === "true" : undefined;
    case "number":
      return decimal.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
    default:
      return integerValue(text, bits[type]);
  }
}

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;
// Only the spelling that the database itself writes, so that a row has one URL: no `1e3`, `0x10`, `+1`, `007` or ` 1`.
const decimal = /^(?!-0$)-?(?:0|[1-9]\d{0,399})(?:\.\d{1,399})?$/;
const integer = /^(?:0|-?[1-9]\d{0,18})$/;
const bits = { smallint: 16, integer: 32, bigint: 64 } as const;

// A number if it is exact, because some drivers refuse a bigint.
function integerValue(text: string, width: number): number | bigint | undefined {
  if (!integer.test(text)) return undefined;
  const value = BigInt(text);
  if (BigInt.asIntN(width, value) !== value) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

// PostgreSQL answers NUL in a text with an error. A lone surrogate has no UTF-8: its replacement would name another text.
function isStorable(text: string): boolean {
  return !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}

const sqlTypes: readonly (readonly [name: RegExp, type: ColumnType])[] = [
  [/\[\]$/, "other"],
  [/^(?:smallint|smallserial|int2|serial2)\b/, "smallint"],
  [/^(?:bigint|bigserial|int8|serial8|int64|unsigned big int)\b/, "bigint"],
  [/^(?:integer|int4?|serial4?|mediumint|tinyint)\b/, "integer"],
  [/^(?:numeric|decimal|number|real|float[48]?|double|double precision)\b/, "number"],
  [/^(?:uuid|uniqueidentifier)$/, "uuid"],
  [/^bool(?:ean)?$/, "boolean"],
  [/char|text|clob|string/, "text"],
];

/** Returns the type of a column that SQL calls `name`, such as `varchar(255)` or `BIGINT UNSIGNED`. */
export function sqlColumnType(name: string): ColumnType {
  const found = sqlTypes.find(([pattern]) => pattern.test(name.toLowerCase()));
  return found?.[1] ?? "other";
}

/**
 * Adapts the type to a kind of database. Some databases answer an integer that is larger than the column with an error.
 * Others store larger ones than the name of the type says, as SQLite does.
 */
export function columnTypeIn(dialect: string, type: ColumnType): ColumnType {
  const isSmall = type === "smallint" || type === "integer";
  return isSmall && !/postgres|pg|mssql/i.test(dialect) ? "bigint" : type;
}
