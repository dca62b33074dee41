import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { fieldsFromRaw } from "../../http/header-fields.ts";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { grouped, mergedNames, mergeInto } from "../fields.ts";
import { http2Stream } from "./connection.ts";

/** Merges the head with the fields that middleware and the framework have set. */
export function mergeHead(rendered: RenderedResponse, response: ServerResponse): RenderedResponse {
  if (response.headersSent) return rendered;
  const present = response.getHeaderNames();
  if (present.length === 0) return rendered;
  // Middleware that replaced `write` may compress what it gets.
  let mustMerge = Object.hasOwn(response, "write");
  // Most applications set a few fields such as `X-Powered-By`, which say nothing of the file, and stay beside the download's.
  for (const name of present) mustMerge ||= mergedNames.has(name);
  for (const name of rendered.yields ?? []) mustMerge ||= response.hasHeader(name);
  return mustMerge ? { ...rendered, headers: mergeInto(response, rendered).raw } : rendered;
}

/** Writes the head, unless it was sent: srvx and h3 send it themselves. */
export function writeHead(response: ServerResponse, status: number, headers: readonly string[]): void {
  if (response.headersSent) return;
  // Packages that replace `writeHead` look for fields that were set; on-headers 1.0 mistakes a flat list for pairs.
  const isReplaced = Object.hasOwn(response, "writeHead");
  if (isReplaced || response.getHeaderNames().length > 0) return writeFieldByField(response, status, headers);
  // Node reads the list and leaves it as it is; its types do not say so.
  response.writeHead(status, headers as string[]);
  if (!http2Stream(response)) showFields(response, headers);
}

// If some fields are set already, Node keeps only the last of several lines of one name. The cookies that are set stay.
function writeFieldByField(response: ServerResponse, status: number, headers: readonly string[]): void {
  const added = new Set<string>(["set-cookie"]);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? "";
    const value = headers[at + 1] ?? "";
    const key = name.toLowerCase();
    if (added.has(key)) response.appendHeader(name, value);
    else response.setHeader(name, value);
    added.add(key);
  }
  response.writeHead(status);
}

/**
 * Makes fields readable that `writeHead` was given in a list. Node does not keep those, and loggers such as pino-http read
 * them when the response has ended. Setting each field first would cost more than writing the head.
 */
function showFields(response: ServerResponse, raw: readonly string[]): void {
  const shown = response as ServerResponse & Shown;
  shown[sent] = raw;
  shown.getHeader = getHeader;
  shown.getHeaders = getHeaders;
  shown.getHeaderNames = getHeaderNames;
  shown.hasHeader = hasHeader;
}

const sent = Symbol("downloadview.sentFields");
interface Shown {
  [sent]: readonly string[];
}

function getHeaders(this: ServerResponse): OutgoingHttpHeaders {
  const fields = grouped(fieldsFromRaw((this as ServerResponse & Shown)[sent]));
  return Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
}

function getHeaderNames(this: ServerResponse): string[] {
  return Object.keys(this.getHeaders());
}

function getHeader(this: ServerResponse, name: string): OutgoingHttpHeaders[string] {
  return this.getHeaders()[name.toLowerCase()];
}

function hasHeader(this: ServerResponse, name: string): boolean {
  return this.getHeader(name) !== undefined;
}
