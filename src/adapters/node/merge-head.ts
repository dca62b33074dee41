import type { ServerResponse } from "node:http";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { mergeFields, presentOn, type MergedFields, type NodeFieldValue } from "../fields.ts";

/** Where a framework on Node keeps the header fields of a response: Node's own response, or Fastify's reply. */
export interface HeadTarget {
  getHeaders(): object;
  getHeader(name: string): NodeFieldValue;
  removeHeader(name: string): unknown;
}

/** The fields to set beside what is present in `target`; what must go from there is gone. */
export function mergeInto(target: HeadTarget, rendered: RenderedResponse): MergedFields["fields"] {
  const present = presentOn(Object.keys(target.getHeaders()), (name) => target.getHeader(name));
  // What replaced `write` may compress what it gets.
  const merged = mergeFields(rendered, present, { compresses: Object.hasOwn(target, "write") });
  for (const name of merged.dropped) target.removeHeader(name);
  return merged.fields;
}

/** What is written in the end, beside what middleware and the framework have set. */
export function mergeHead(rendered: RenderedResponse, response: ServerResponse): RenderedResponse {
  if (response.headersSent || response.getHeaderNames().length === 0) return rendered;
  return { ...rendered, headers: mergeInto(response, rendered).raw };
}
