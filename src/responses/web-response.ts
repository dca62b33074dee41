import { endedEarly } from "../files/content.ts";
import { decodedByRuntime } from "../http/encoding.ts";
import { normalizeEntityTag, opaqueTag } from "../http/etag.ts";
import { isFramingField } from "../http/framing.ts";
import { isOffloadField } from "../http/offload-fields.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { Delivery, OnFinish } from "./delivery.ts";
import type { DownloadRequest, DownloadResult } from "./handler.ts";
import type { RenderedResponse, ResponseBody } from "./rendered-response.ts";
import { sharedWeakMap } from "./shared-state.ts";

/**
 * Renders a web `Response` that a handler returned. It may be the response of another server, which must not instruct the server
 * in front of this application to send a file: fields that would are removed. Neither may it decide where the next response on
 * the connection begins: the body has exactly the length that is announced.
 */
export function renderWebResponse(
  response: Response,
  { method }: Pick<DownloadRequest, "method">,
  delivery: Delivery,
): RenderedResponse {
  assertResponse(response);
  const { status } = response;
  const headers: string[] = [];
  const own = ownFields(response, method);
  own.forEach((value, name) => {
    if (name !== "set-cookie") headers.push(name, value);
  });
  for (const cookie of own.getSetCookie()) headers.push("set-cookie", cookie);
  const { limitRate, slowReaders } = limitsOf(response) ?? {};
  return {
    status,
    headers,
    body: bodyFor(method, response, lengthIn(own)),
    delivery,
    ...(limitRate ? { limitRate } : {}),
    ...(slowReaders ? { slowReaders } : {}),
  };
}

/** How a web response is sent that a view made itself, and what is told of its end. */
export interface ResponseLimits extends Pick<RenderedResponse, "limitRate" | "slowReaders"> {
  readonly onFinish: OnFinish;
}

const limits = new WeakMap<Response, ResponseLimits>();

/** Limits a web response that has a body. Adapters then send its body through a stream of their own. */
export function limitResponse(response: Response, its: ResponseLimits): Response {
  limits.set(response, its);
  return response;
}

export function limitsOf(response: Response): ResponseLimits | undefined {
  return limits.get(response);
}

function bodyFor(method: string, { body: stream }: Response, length: number | undefined): ResponseBody {
  if (stream === null) return { kind: "none" };
  if (method !== "HEAD") return length === undefined ? { kind: "stream", stream } : { kind: "stream", stream, length };
  if (!stream.locked) void stream.cancel().catch(() => undefined);
  return { kind: "none" };
}

function lengthIn(fields: Headers): number | undefined {
  const length = fields.get("content-length");
  return length === null ? undefined : Number(length);
}

/** The fields of a response that may be sent on, as they describe its body. */
function ownFields(response: Response, method: string): Headers {
  const fields = new Headers(response.headers);
  const keepsOffloadFields = isOwnResponse(response);
  for (const name of response.headers.keys()) {
    if (isFramingField(name) || (!keepsOffloadFields && isForeignInstruction(name))) fields.delete(name);
  }
  // Fields that are for the next hop alone (RFC 9110 §7.6.1).
  const options = response.headers.get("connection")?.split(",") ?? [];
  for (const name of options.map((option) => option.trim())) if (isToken.test(name)) fields.delete(name);
  if (isDecoded(response)) describeDecoded(fields);
  if (!mayHaveLength(response, fields, method)) fields.delete("content-length");
  return fields;
}

const isToken = /^[\w!#$%&'*+.^`|~-]+$/;

/** Whether `fetch` has decoded the body, while the fields still describe the encoded one. */
function isDecoded({ url, headers }: Response): boolean {
  return url !== "" && decodedByRuntime(headers).length > 0;
}

function describeDecoded(fields: Headers): void {
  for (const name of ofEncodedBody) fields.delete(name);
  const etag = normalizeEntityTag(fields.get("etag"));
  if (etag !== undefined) fields.set("etag", `W/${opaqueTag(etag)}`);
}

const ofEncodedBody = [
  "content-encoding",
  "content-length",
  "content-digest",
  "content-md5",
  "repr-digest",
  "accept-ranges",
];

/** Whether a Content-Length can stay. A response to HEAD, and a 304, have that of the answer to GET (RFC 9110 §8.6). */
function mayHaveLength({ status, body }: Response, fields: Headers, method: string): boolean {
  if (status === 204 || !/^\d{1,15}$/.test(fields.get("content-length") ?? "")) return false;
  return body !== null || status === 304 || method === "HEAD";
}

/** The download that a web response was made of. */
export const downloads: WeakMap<Response, Exclude<DownloadResult, Response>> = /* @__PURE__ */ sharedWeakMap(
  "downloads",
);

/** Other web responses that this package made. */
export const ownResponses: WeakSet<Response> = new WeakSet();

/** Whether this package made a web response. Its instructions to the server in front then come from the view. */
export function isOwnResponse(response: Response): boolean {
  return downloads.has(response) || ownResponses.has(response);
}

/**
 * Returns a response that may be sent as it is: without fields that instruct the server in front to send a file or that belong
 * to another connection, and with a body of the length that it announces. Returns the same object if nothing is amiss.
 */
export function sendableResponse(response: Response, { method }: Pick<DownloadRequest, "method">): Response {
  assertResponse(response);
  const fields = ownFields(response, method);
  const isAsItWas = !isDecoded(response) && [...response.headers.keys()].every((name) => fields.has(name));
  const length = method === "HEAD" || response.body === null ? undefined : lengthIn(fields);
  if (isAsItWas && length === undefined) return response;
  return copyOf(response, fields, length === undefined ? response.body : exactly(response.body, length));
}

/**
 * Returns a copy whose fields can be changed: those of a fetched response are immutable. The copy no longer shows that it was
 * fetched, so its fields describe the body that `fetch` has decoded.
 */
export function changeableCopy(response: Response, { method }: Pick<DownloadRequest, "method">): Response {
  return copyOf(response, ownFields(response, method), response.body);
}

function copyOf(response: Response, headers: Headers, body: ReadableStream<Uint8Array> | null): Response {
  const { status, statusText } = response;
  const copy = new Response(body, { status, statusText, headers });
  if (isOwnResponse(response)) ownResponses.add(copy);
  const its = limitsOf(response);
  if (its) limits.set(copy, its);
  return copy;
}

/** @throws in the stream, an {@link IncompleteBodyError} if it ends early */
function exactly(body: ReadableStream<Uint8Array> | null, length: number): ReadableStream<Uint8Array> | null {
  let left = length;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      if (left > 0) controller.enqueue(chunk.byteLength > left ? chunk.subarray(0, left) : chunk);
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
    flush() {
      if (left > 0) throw endedEarly(left);
    },
  });
  return body && body.pipeThrough(counted);
}

/**
 * Checks a result that is not a download, in every adapter.
 * @throws {ImproperlyConfiguredError} if it is not a web response either
 */
function assertResponse(result: unknown): asserts result is Response {
  if (typeof result === "object" && result !== null && "headers" in result && "status" in result) return;
  throw new ImproperlyConfiguredError(
    `A download handler and its middleware must return a download or a Response, got ${nameOf(result)}. ` +
      (result === undefined ? "Is a `return` missing?" : "Return download(…), sendFile(…) or a view's response."),
  );
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === "object" ? `an instance of ${value.constructor?.name ?? "Object"}` : `a ${typeof value}`;
}

// X-Accel-Buffering names no file, and applications set it on bodies that they stream.
function isForeignInstruction(name: string): boolean {
  return isOffloadField(name) && name.toLowerCase() !== "x-accel-buffering";
}
