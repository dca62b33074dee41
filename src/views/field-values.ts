import { isMediaType } from "../http/media-type.ts";

/**
 * The values of an object's fields, in the forms that databases return. Empty values are undefined, and so are values that
 * could not be sent: the user who uploaded a file often chose its type as well.
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

// Databases write times without a zone in UTC. JavaScript would parse them as local times.
function inUtc(text: string): string {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)$/.exec(text) ?? [];
  return date === undefined ? text : `${date}T${time}Z`;
}

/** Returns NaN for anything but an integer. 64-bit columns are returned as a bigint, or as digits. */
function integerOf(value: unknown): number {
  const isInteger = typeof value === "bigint" || Number.isInteger(value);
  return isInteger || (typeof value === "string" && /^-?\d+$/.test(value)) ? Number(value) : Number.NaN;
}
