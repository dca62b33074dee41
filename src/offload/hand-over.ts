import type { FileStat } from "../files/download-file.ts";
import { decide } from "../http/decide.ts";
import { responseHead, type DescribedRepresentation, type ResponseHead } from "../http/head.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { Delivery } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { answerTo, RequestOptions } from "../responses/render.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { renderWebResponse } from "../responses/web-response.ts";

/** What a request for a download comes to that another server could send. */
export type HandOver =
  /** The application has all of the answer: a 304, a 412, a 416, or a response of the view's own. */
  | { readonly kind: "answered"; readonly rendered: RenderedResponse }
  /** The application sends the bytes, as the other server would not send the same. */
  | { readonly kind: "streamed" }
  /** A 200 or a part of it, whichever the other server makes of the range. */
  | {
      readonly kind: "handedOver";
      readonly stat: FileStat;
      readonly head: ResponseHead;
      readonly representation: DescribedRepresentation;
    };

/** What decides it, besides the request and the file. */
export interface HandOverOptions {
  /** Whether the same request reaches the server with the client's Range: the application then judges the range. */
  readonly passesRange: boolean;
}

/** Decides a GET by one look at the file. */
export async function decideHandOver(
  source: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  { passesRange }: HandOverOptions,
): Promise<HandOver> {
  const stat = await source.file.stat(new RequestOptions(request));
  const answering = answerTo(source, withoutRange(request), stat);
  const answer = answering instanceof Promise ? await answering : answering;
  if (answer instanceof Response) return { kind: "answered", rendered: renderWebResponse(answer, delivery) };
  const { decision, head, representation } = answer;
  if (decision.kind !== "full") return { kind: "answered", rendered: bodiless(head, delivery) };
  const verdict = passesRange ? judgeRange(request, representation) : "server";
  if (verdict === "application") return { kind: "streamed" };
  if (verdict === "server") return { kind: "handedOver", stat, head, representation };
  const unsatisfied = responseHead({ kind: "rangeNotSatisfiable" }, representation, head.fields);
  return { kind: "answered", rendered: bodiless({ ...unsatisfied, yields: head.yields }, delivery) };
}

function bodiless({ status, fields, yields }: ResponseHead, delivery: Delivery): RenderedResponse {
  return { status, headers: fields.toRaw(), yields, body: { kind: "none" }, delivery };
}

/**
 * Who answers a range. A part that exists is the server's, and so is If-Range for it. Servers differ on the rest: nginx
 * answers `bytes=x` with 416, Caddy another unit, h2o `bytes=-0` and any range of an empty file.
 */
function judgeRange(
  request: DownloadRequest,
  representation: DescribedRepresentation,
): "server" | "application" | "unsatisfiable" {
  const range = request.headers.get("range");
  // The length of a file that only the server knows is the server's business.
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

/** Makes `headers` equal to `others`. */
export function replaceFields(headers: HeaderFields, others: HeaderFields): void {
  if (headers.equals(others)) return;
  const names = Array.from(headers, ([name]) => name);
  for (const name of names) headers.delete(name);
  for (const [name, value] of others) headers.append(name, value);
}
