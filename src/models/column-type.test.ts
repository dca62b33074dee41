import { describe, expect, it } from "vitest";
import { columnTypeIn, columnValue, sqlColumnType, type ColumnType } from "./column-type.ts";

type Searchable = Exclude<ColumnType, "other">;

describe("columnValue", () => {
  it.each<[Searchable, string, unknown]>([
    ["integer", "0", 0],
    ["integer", "7", 7],
    ["integer", "-7", -7],
    ["integer", "2147483647", 2147483647],
    ["integer", "-2147483648", -2147483648],
    ["integer", "2147483648", undefined],
    ["integer", "-2147483649", undefined],
    ["smallint", "32767", 32767],
    ["smallint", "-32768", -32768],
    ["smallint", "32768", undefined],
    ["bigint", "9007199254740991", 9007199254740991],
    ["bigint", "9007199254740993", 9007199254740993n],
    ["bigint", "9223372036854775807", 9223372036854775807n],
    ["bigint", "-9223372036854775808", -9223372036854775808n],
    ["bigint", "9223372036854775808", undefined],
    ["bigint", "9999999999999999999", undefined],
    ["bigint", "-9223372036854775809", undefined],
    ["bigint", "1".repeat(100_000), undefined],
    ["number", "0", 0],
    ["number", "-1.5", -1.5],
    ["number", "0.10", 0.1],
    ["number", "1".repeat(400), undefined],
    ["number", "1.", undefined],
    ["number", ".5", undefined],
    ["boolean", "true", true],
    ["boolean", "false", false],
    ["boolean", "1", undefined],
    ["boolean", "TRUE", undefined],
    ["uuid", "0190163d-8694-739b-aea5-966c26f8ad91", "0190163d-8694-739b-aea5-966c26f8ad91"],
    ["uuid", "0190163D-8694-739B-AEA5-966C26F8AD91", "0190163D-8694-739B-AEA5-966C26F8AD91"],
    ["uuid", "0190163d8694739baea5966c26f8ad91", undefined],
    ["uuid", "{0190163d-8694-739b-aea5-966c26f8ad91}", undefined],
    ["uuid", "0190163d-8694-739b-aea5-966c26f8ad91\n", undefined],
    ["uuid", "7", undefined],
    ["text", "", ""],
    ["text", "' OR 1=1", "' OR 1=1"],
    ["text", "été 😀", "été 😀"],
    ["text", "a\0b", undefined],
    ["text", "\ud83d", undefined],
    [["draft", "final"], "final", "final"],
    [["draft", "final"], "Final", undefined],
    [["draft", "final"], "", undefined],
  ])("of %j for %j is %s", (type, text, value) => {
    expect(columnValue(type, text)).toBe(value);
  });

  const noNumbers = ["", " ", "abc", "1e3", "0x10", "0b1", "0o7", " 1", "1 ", "1\n", "+1", "-0", "007", "1_000", "1,5"];
  const noneEither = ["١", "１", "NaN", "Infinity", "null", "true", "1n", "--1", "1;", "1\0", "[object Object]"];

  it.each(["smallint", "integer", "bigint", "number"] as const)("of %j takes only plain decimal digits", (type) => {
    expect([...noNumbers, ...noneEither].filter((text) => columnValue(type, text) !== undefined)).toEqual([]);
  });

  it("of an integer takes no fraction", () => {
    expect(columnValue("integer", "1.0")).toBeUndefined();
  });
});

describe("sqlColumnType", () => {
  it.each<[ColumnType, string[]]>([
    ["smallint", ["smallint", "SMALLINT", "int2", "smallserial"]],
    ["integer", ["integer", "int", "int4", "serial", "INT(11)", "int unsigned", "mediumint", "tinyint(1)"]],
    ["bigint", ["bigint", "BIGINT UNSIGNED", "int8", "bigserial", "unsigned big int"]],
    ["number", ["numeric(10, 2)", "decimal", "real", "float8", "double", "double precision", "DOUBLE"]],
    ["uuid", ["uuid", "UUID", "uniqueidentifier"]],
    ["boolean", ["boolean", "bool", "BOOLEAN"]],
    ["text", ["text", "varchar(255)", "character varying(20)", "char(2)", "nvarchar", "citext", "STRING", "longtext"]],
    ["other", ["blob", "bytea", "varbinary(20)", "json", "jsonb", "date", "datetime", "timestamptz", "integer[]"]],
    ["other", ["interval", "point", "inet", "text[]", "tsvector", "", "bit(3)", "geometry", "int4range"]],
  ])("is %j of %j", (type, names) => {
    expect(names.map(sqlColumnType)).toEqual(names.map(() => type));
  });
});

describe("columnTypeIn", () => {
  it.each<[string, ColumnType, ColumnType]>([
    ["postgres", "integer", "integer"],
    ["PgSerial", "integer", "integer"],
    ["mssql", "smallint", "smallint"],
    ["SQLiteInteger", "integer", "bigint"],
    ["sqljs", "smallint", "bigint"],
    ["mysql", "integer", "bigint"],
    ["mysql", "text", "text"],
  ])("%s: %s is %s", (dialect, type, expected) => {
    expect(columnTypeIn(dialect, type)).toBe(expected);
  });
});
