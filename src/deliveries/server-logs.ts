import { ImproperlyConfiguredError } from "../errors.ts";
import { objectIn, reportOf, type DeliveryLog, type DeliveryReport } from "./delivery-log.ts";
import { LogTail } from "./log-tail.ts";

/**
 * Reads the log that nginx writes with the configuration of `nginx({ log: path })`. It follows rotation.
 * @throws {ImproperlyConfiguredError} if `path` is not an absolute path
 *
 * @example
 * ```ts
 * import { nginxLog } from "downloadview/deliveries";
 *
 * const log = nginxLog("/var/log/nginx/downloads.json");
 * const line = '{"id":"a.b","status":"206","bytes":"10","range":"bytes 0-9/20","end":"OK"}';
 * console.assert(log.parse(line)?.bytes === 10);
 * console.assert(log.parse('{"id":"a.b","sta') === undefined);
 * ```
 */
export function nginxLog(path: string): DeliveryLog {
  return logAt(path, "nginxLog", (line) => {
    const { id, status, bytes, range, end } = objectIn(line) ?? {};
    return reportOf(id, status, bytes, { isComplete: end === "OK", ...contentRangeIn(range) });
  });
}

/**
 * Reads the log that Apache writes with the configuration of `apache({ log: path })`. It follows rotation. Of a client that
 * left, Apache does not log how much it got: `bytesSent` is 0.
 * @throws {ImproperlyConfiguredError} if `path` is not an absolute path
 *
 * @example
 * ```ts
 * import { apacheLog } from "downloadview/deliveries";
 *
 * const log = apacheLog("/var/log/apache2/downloads.json");
 * const line = '{"id":"a.b","status":"200","bytes":"10","range":"-","end":"X"}';
 * console.assert(log.parse(line)?.isComplete === false);
 * ```
 */
export function apacheLog(path: string): DeliveryLog {
  return logAt(path, "apacheLog", (line) => {
    const { id, status, bytes, range, end } = objectIn(line) ?? {};
    const isComplete = end === "+" || end === "-";
    // %X is "X" for a connection that was closed before the response was complete. %B is all of the file then as well.
    return reportOf(id, status, isComplete ? bytes : 0, { isComplete, ...contentRangeIn(range) });
  });
}

/**
 * Reads the log that lighttpd writes with the configuration of `lighttpd({ log: path })`. lighttpd writes it every few seconds.
 * It follows rotation.
 * @throws {ImproperlyConfiguredError} if `path` is not an absolute path
 *
 * @example
 * ```ts
 * import { lighttpdLog } from "downloadview/deliveries";
 *
 * const log = lighttpdLog("/var/log/lighttpd/downloads.json");
 * const line = '{"id":"a.b","status":"200","bytes":"10","range":"-","end":"+"}';
 * console.assert(log.parse(line)?.bytes === 10);
 * ```
 */
export function lighttpdLog(path: string): DeliveryLog {
  return logAt(path, "lighttpdLog", (line) => {
    const { id, status, bytes, range, end } = objectIn(line) ?? {};
    // A count of 0 is written as "-".
    const written = bytes === "-" ? 0 : bytes;
    return reportOf(id, status, written, { ...(end === "X" ? { isComplete: false } : {}), ...contentRangeIn(range) });
  });
}

/**
 * Reads Caddy's access log, in its JSON format. Caddy does not log whether a client left: a download is complete if all of its
 * bytes were written. It follows rotation.
 * @throws {ImproperlyConfiguredError} if `path` is not an absolute path
 *
 * @example
 * ```ts
 * import { caddyLog } from "downloadview/deliveries";
 *
 * const log = caddyLog("/var/log/caddy/access.log");
 * const line = '{"status":200,"size":10,"resp_headers":{"X-Download-Id":["a.b"]}}';
 * console.assert(log.parse(line)?.id === "a.b");
 * ```
 */
export function caddyLog(path: string): DeliveryLog {
  return logAt(path, "caddyLog", (line) => {
    const { status, size, resp_headers: fields } = objectIn(line) ?? {};
    const first = (name: string): unknown => {
      const values = (fields as Readonly<Record<string, unknown>> | undefined)?.[name];
      return Array.isArray(values) ? values[0] : undefined;
    };
    return reportOf(first("X-Download-Id"), status, size, contentRangeIn(first("Content-Range")));
  });
}

function contentRangeIn(value: unknown): Pick<DeliveryReport, "contentRange"> {
  return typeof value === "string" && value.startsWith("bytes ") ? { contentRange: value } : {};
}

function logAt(path: string, name: string, parse: DeliveryLog["parse"]): DeliveryLog {
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw new ImproperlyConfiguredError(`${name}(path): path must be the absolute path of the log, got ${path}`);
  }
  const tail = new LogTail(path);
  return { open: () => tail.open(), read: () => tail.read(), close: () => tail.close(), parse };
}
