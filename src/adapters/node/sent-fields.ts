import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { copyOf, grouped } from "../fields.ts";

/**
 * Has a response tell of fields that `writeHead` was given in a list: Node keeps those for nobody, and loggers such as
 * pino-http ask for them when the response has ended. Setting each field first would cost more than writing the head.
 */
export function showFields(response: ServerResponse, raw: readonly string[]): void {
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
  const fields = grouped(copyOf((this as ServerResponse & Shown)[sent]));
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
