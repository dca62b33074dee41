import { isHandOffField } from "../http/hand-off.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { Delivery } from "./delivery.ts";
import type { RenderedResponse } from "./rendered-response.ts";

/**
 * A web `Response`, made by a view's own method, in the form that every adapter writes. It may be another server's
 * response, passed on: that server must not tell ours to send a file, so the fields that would are dropped.
 */
export function renderWebResponse(response: Response, delivery: Delivery): RenderedResponse {
  assertResponse(response);
  const headers: string[] = [];
  const keepsHandOff = ownResponses.has(response);
  response.headers.forEach((value, name) => {
    if (name !== "set-cookie" && (keepsHandOff || !isForeignInstruction(name))) headers.push(name, value);
  });
  for (const cookie of response.headers.getSetCookie()) headers.push("set-cookie", cookie);
  return {
    status: response.status,
    headers,
    body: response.body ? { kind: "stream", stream: response.body } : { kind: "none" },
    delivery,
  };
}

/** Web responses that this package made of a download: an instruction to the server in one of them is the view's. */
export const ownResponses: WeakSet<Response> = new WeakSet();

/** `response` without the fields that would have our server send a file. The same object where it has none of them. */
export function withoutHandOff(response: Response): Response {
  assertResponse(response);
  if (ownResponses.has(response)) return response;
  const foreign = [...response.headers.keys()].filter(isForeignInstruction);
  if (foreign.length === 0) return response;
  // The headers of a fetched response are immutable.
  const own = new Response(response.body, response);
  for (const name of foreign) own.headers.delete(name);
  return own;
}

/**
 * Every result that is no download passes here, in every adapter.
 * @throws {ImproperlyConfiguredError} if it is no web response either
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

// Whether nginx buffers a body says nothing of another file, and applications set it on bodies that they stream.
function isForeignInstruction(name: string): boolean {
  return isHandOffField(name) && name.toLowerCase() !== "x-accel-buffering";
}
