const shortDays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const longDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Formats a date for a header field: IMF-fixdate, in whole seconds (RFC 9110 §5.6.7).
 *
 * @example
 * ```ts
 * import { formatHTTPDate } from "downloadview/http";
 *
 * console.assert(formatHTTPDate(new Date(784111777000)) === "Sun, 06 Nov 1994 08:49:37 GMT");
 * ```
 */
export function formatHTTPDate(date: Date): string {
  return date.toUTCString();
}

/**
 * Parses the three date formats that a recipient must accept (RFC 9110 §5.6.7) and no other. A lenient parser would read
 * values such as `0` as a date, and the response would be a wrong 304 or 412.
 *
 * @param now resolves the two-digit years of RFC 850; default: the time of the call
 * @returns undefined if `value` has none of the three formats
 *
 * @example
 * ```ts
 * import { parseHTTPDate } from "downloadview/http";
 *
 * console.assert(parseHTTPDate("Sun Nov  6 08:49:37 1994")?.getTime() === 784111777000);
 * console.assert(parseHTTPDate("yesterday") === undefined);
 * ```
 */
export function parseHTTPDate(value: string, now?: Date): Date | undefined {
  // The formats differ in length.
  if (value.length === 29) return parseImfFixdate(value);
  if (value.length === 24) return parseAsctimeDate(value);
  return value.length >= 30 && value.length <= 33 ? parseRfc850Date(value, now) : undefined;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function parseImfFixdate(value: string): Date | undefined {
  const punctuated =
    value.startsWith(", ", 3) && value[7] === " " && value[11] === " " && value[16] === " " && value.endsWith(" GMT");
  if (!punctuated || !shortDays.includes(value.slice(0, 3))) return undefined;
  return toDate(digits(value, 12, 16), value.slice(8, 11), digits(value, 5, 7), timeOfDay(value, 17));
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function parseRfc850Date(value: string, now = new Date()): Date | undefined {
  const comma = value.length - 24;
  const date = value.slice(comma);
  const punctuated =
    date.startsWith(", ") && date[4] === "-" && date[8] === "-" && date[11] === " " && date.endsWith(" GMT");
  if (!punctuated || !longDays.includes(value.slice(0, comma))) return undefined;
  const inYear = (year: number): Date | undefined =>
    toDate(year, date.slice(5, 8), digits(date, 2, 4), timeOfDay(date, 12));
  const year = now.getUTCFullYear() - (now.getUTCFullYear() % 100) + digits(date, 9, 11);
  const parsed = inYear(year);
  // More than 50 years ahead means the past year with the same two digits.
  return parsed && parsed.getTime() > yearsAfter(now, 50) ? inYear(year - 100) : parsed;
}

/** `Sun Nov  6 08:49:37 1994` */
function parseAsctimeDate(value: string): Date | undefined {
  const punctuated = value[3] === " " && value[7] === " " && value[10] === " " && value[19] === " ";
  if (!punctuated || !shortDays.includes(value.slice(0, 3))) return undefined;
  const day = digits(value, value[8] === " " ? 9 : 8, 10);
  return toDate(digits(value, 20, 24), value.slice(4, 7), day, timeOfDay(value, 11));
}

/** Parses `hh:mm:ss` to milliseconds, or NaN. A minute may have a leap second. */
function timeOfDay(value: string, start: number): number {
  if (value[start + 2] !== ":" || value[start + 5] !== ":") return NaN;
  const hour = digits(value, start, start + 2);
  const minute = digits(value, start + 3, start + 5);
  const second = digits(value, start + 6, start + 8);
  return hour < 24 && minute < 60 && second <= 60 ? ((hour * 60 + minute) * 60 + second) * 1000 : NaN;
}

/** Parses the decimal digits from `start` to `end`. Returns NaN for any other character. */
function digits(value: string, start: number, end: number): number {
  let number = 0;
  for (let index = start; index < end; index++) {
    const digit = value.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    number = number * 10 + digit;
  }
  return number;
}

const millisecondsIn400Years = 146_097 * 86_400_000;

function toDate(year: number, monthName: string, day: number, time: number): Date | undefined {
  const month = months.indexOf(monthName);
  if (month === -1 || Number.isNaN(time)) return undefined;
  // The calendar repeats every 400 years, and Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const midnight = Date.UTC(year + 400, month, day) - millisecondsIn400Years;
  const exists = new Date(midnight).getUTCDate() === day;
  return exists ? new Date(midnight + time) : undefined;
}

function yearsAfter(date: Date, years: number): number {
  return new Date(date).setUTCFullYear(date.getUTCFullYear() + years);
}
