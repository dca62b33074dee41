import type { FileStat } from "../files/download-file.ts";
import { decide } from "../http/decide.ts";
import { responseHead, type DescribedRepresentation, type ResponseHead } from "../http/head.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { Delivery } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { RequestOptions } from "../responses/render.ts";
import { answerTo } from "../responses/representation.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { renderWebResponse } from "../responses/web-response.ts";

/** Who answers a request for a download that another server could send. */
export type OffloadDecision =
  /** The application answers without the file: 304, 412, 416, or a response that the view made. */
  | { readonly kind: "answered"; readonly rendered: RenderedResponse }
  /** The application sends the bytes, because the other server would send different ones. */
  | { readonly kind: "streamed" }
  /** The other server sends the file, and evaluates Range itself: the client gets a 200 or a 206. */
  | {
      readonly kind: "offloaded";
      readonly stat: FileStat;
      readonly head: ResponseHead;
      readonly representation: DescribedRepresentation;
    };

export interface OffloadDecisionOptions {
  /** Whether the client's Range reaches the other server in the same request. If so, the application judges the range first. */
  readonly passesRange: boolean;
}

/** Decides who answers a GET. Calls `stat` once. */
export async function decideOffload(
  source: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  { passesRange }: OffloadDecisionOptions,
): Promise<OffloadDecision> {
  const stat = await source.file.stat(new RequestOptions(request));
  const answer = await answerTo(source, withoutRange(request), stat);
  if (!("decision" in answer)) return { kind: "answered", rendered: renderWebResponse(answer, request, delivery) };
  const { decision, head, representation } = answer;
  if (decision.kind !== "full") return { kind: "answered", rendered: bodiless(head, delivery) };
  const verdict = passesRange ? judgeRange(request, representation) : "server";
  if (verdict === "application") return { kind: "streamed" };
  if (verdict === "server") return { kind: "offloaded", stat, head, representation };
  const unsatisfied = responseHead({ kind: "rangeNotSatisfiable" }, representation, head.fields);
  return { kind: "answered", rendered: bodiless({ ...unsatisfied, yields: head.yields }, delivery) };
}

function bodiless({ status, fields, yields }: ResponseHead, delivery: Delivery): RenderedResponse {
  return { status, headers: fields.toRaw(), yields, body: { kind: "none" }, delivery };
}

/**
 * Decides who answers a range. The server sends a part that exists, and evaluates If-Range for it. On all other ranges
 * servers differ: 416 is nginx's answer to `bytes=x`, Caddy's to another unit, and h2o's to `bytes=-0` and to any range of
 * an empty file.
 */
function judgeRange(
  request: DownloadRequest,
  representation: DescribedRepresentation,
): "server" | "application" | "unsatisfiable" {
  const range = request.headers.get("range");
  // If the application does not know the size, only the server can judge the range.
  if (range === null || representation.size === undefined || representation.seekable === false) return "server";
  const { kind } = decide(headersOnly(request, { range }), representation);
  if (kind === "partial" || kind === "multipart") return "server";
  const conditional = { range, "if-range": request.headers.get("if-range") };
  const decision = decide(headersOnly(request, conditional), representation);
  return decision.kind === "rangeNotSatisfiable" ? "unsatisfiable" : "application";
}

function headersOnly(
  { method, url }: DownloadRequest,
  headers: Readonly<Record<string, string | null>>,
): DownloadRequest {
  return { method, url, headers: { get: (name) => headers[name.toLowerCase()] ?? null } };
}

function withoutRange(request: DownloadRequest): DownloadRequest {
  const { method, url, headers } = request;
  if (headers.get("range") === null) return request;
  return { method, url, headers: { get: (name) => (name.toLowerCase() === "range" ? null : headers.get(name)) } };
}

/** Makes `headers` equal to `replacement`. */
export function replaceFields(headers: HeaderFields, replacement: HeaderFields): void {
  if (headers.equals(replacement)) return;
  const names = Array.from(headers, ([name]) => name);
  for (const name of names) headers.delete(name);
  for (const [name, value] of replacement) headers.append(name, value);
}
