import type { ServerResponse } from "node:http";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { combineVary, copyOf, forbidTransform } from "../fields.ts";

/**
 * A download whose head respects what others did to the response before. Their fields stay, since `writeHead` replaces
 * only those of the same name; `Vary` is the one that both sides add to. Whoever replaced `write` may compress.
 */
export function mergeHead(rendered: RenderedResponse, response: ServerResponse): RenderedResponse {
  const vary = response.getHeader("Vary");
  const wrapped = Object.hasOwn(response, "write");
  if (vary === undefined && !wrapped) return rendered;
  const fields = copyOf(rendered.headers);
  if (vary !== undefined) combineVary(fields, String(vary));
  if (wrapped) forbidTransform(rendered.status, fields);
  return { ...rendered, headers: fields.raw };
}
