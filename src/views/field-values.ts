import { isMediaType } from "../http/media-type.ts";

/**
 * What the fields of an object say, in whatever form its database gives them. A value that says nothing is undefined,
 * and so is one that could not be sent: whoever uploaded a file often named its type as well.
 */

export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

export function textOf(value: unknown): string | undefined {
  return isEmpty(value) ? undefined : String(value);
}

export function mediaTypeOf(value: unknown): string | undefined {
  return typeof value === "string" && isMediaType(value) ? value : undefined;
}

/** The name of a charset or of a content coding: a token (RFC 9110 §5.6.2). */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? value : undefined;
}

export function sizeOf(value: unknown): number | undefined {
  const size = integerOf(value);
  return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

export function dateOf(value: unknown): Date | undefined {
  const date = value instanceof Date ? value : new Date(timeOf(value));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function timeOf(value: unknown): number {
  const milliseconds = integerOf(value);
  return Number.isNaN(milliseconds) && typeof value === "string" ? Date.parse(inUtc(value)) : milliseconds;
}

// Databases write times without a zone in UTC; JavaScript would take them for local ones.
function inUtc(text: string): string {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)$/.exec(text) ?? [];
  return date === undefined ? text : `${date}T${time}Z`;
}

/** NaN for what is no integer. 64-bit columns come as a bigint, or as digits. */
function integerOf(value: unknown): number {
  const isInteger = typeof value === "bigint" || Number.isInteger(value);
  return isInteger || (typeof value === "string" && /^-?\d+$/.test(value)) ? Number(value) : Number.NaN;
}
