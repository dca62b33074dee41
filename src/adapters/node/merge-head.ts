import type { ServerResponse } from "node:http";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import {
  fieldsOfFile,
  mergeFields,
  presentOn,
  type MergedFields,
  type NodeFieldValue,
  type PresentFields,
} from "../fields.ts";

/** Where a framework on Node keeps the header fields of a response: Node's own response, or Fastify's reply. */
export interface HeadTarget {
  /** Node's name for it; Fastify's is `sent`. */
  readonly headersSent?: boolean;
  readonly sent?: boolean;
  getHeaders(): object;
  getHeader(name: string): NodeFieldValue;
  removeHeader(name: string): unknown;
}

/** The fields to set beside what is present in `target`; what must go from there is gone. */
export function mergeInto(target: HeadTarget, rendered: RenderedResponse): MergedFields["fields"] {
  const present = presentFor(target);
  // What replaced `write` may compress what it gets.
  const merged = mergeFields(rendered, present, { compresses: Object.hasOwn(target, "write") });
  for (const name of merged.dropped) target.removeHeader(name);
  return merged.fields;
}

/** Removes what middleware has set about the file, before an error handler responds instead of the download. */
export function removeFileFields(target: HeadTarget): void {
  if (target.headersSent ?? target.sent) return;
  for (const name of fieldsOfFile(presentFor(target))) target.removeHeader(name);
}

function presentFor(target: HeadTarget): PresentFields {
  return presentOn(Object.keys(target.getHeaders()), (name) => target.getHeader(name));
}

/** What is written in the end, beside what middleware and the framework have set. */
export function mergeHead(rendered: RenderedResponse, response: ServerResponse): RenderedResponse {
  if (response.headersSent || response.getHeaderNames().length === 0) return rendered;
  return { ...rendered, headers: mergeInto(response, rendered).raw };
}
