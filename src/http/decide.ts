import { evaluatePreconditions, ifRangeHolds } from "./conditional.ts";
import type { PreconditionOptions, RequestHead, Validators } from "./conditional.ts";
import { selectRanges } from "./range.ts";
import type { ByteRange } from "./range.ts";

/** The representation that a 200 would send, as far as it is known. */
export interface Representation extends Validators {
  /** In bytes; undefined if unknown. */
  readonly size?: number | undefined;
  /** False if the source can be read from its beginning only: ranges are then ignored. Default: true. */
  readonly seekable?: boolean | undefined;
}

/** The kind of response to a request for a representation that exists. */
export type Decision =
  | { readonly kind: "full" }
  | { readonly kind: "partial"; readonly range: ByteRange }
  | { readonly kind: "multipart"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "notModified" }
  | { readonly kind: "preconditionFailed" }
  | { readonly kind: "rangeNotSatisfiable" };

const full: Decision = { kind: "full" };
const notModified: Decision = { kind: "notModified" };
const preconditionFailed: Decision = { kind: "preconditionFailed" };
const rangeNotSatisfiable: Decision = { kind: "rangeNotSatisfiable" };

/**
 * Decides how to respond to a request: preconditions first, then ranges (RFC 9110 §13.2.2).
 *
 * @example
 * ```ts
 * import { decide } from "downloadview/http";
 *
 * const request = new Request("http://localhost/", { headers: { Range: "bytes=0-9" } });
 * const decision = decide(request, { size: 1000 });
 * console.assert(decision.kind === "partial" && decision.range.end === 9);
 * ```
 */
export function decide(request: RequestHead, representation: Representation, options?: PreconditionOptions): Decision {
  const outcome = evaluatePreconditions(request, representation, options);
  if (outcome === "notModified") return notModified;
  if (outcome === "preconditionFailed") return preconditionFailed;
  const { size, seekable } = representation;
  // Range is defined for GET only (RFC 9110 §14.2): a HEAD gets the head of a full response.
  if (request.method !== "GET" || size === undefined || seekable === false) return full;
  const range = request.headers.get("range");
  if (range === null || !ifRangeHolds(request, representation, options?.now)) return full;
  const selection = selectRanges(range, size);
  return selection.kind === "unsatisfiable" ? rangeNotSatisfiable : selection;
}
