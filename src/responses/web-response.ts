import { isHandOffField } from "../http/hand-off.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { Delivery } from "./delivery.ts";
import type { RenderedResponse } from "./rendered-response.ts";

/**
 * Renders a web `Response` that a handler returned. It may be the response of another server, which must not instruct the server
 * in front of this application to send a file: fields that would are removed.
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

/** Web responses that this package made of a download. Their instructions to the server in front come from the view. */
export const ownResponses: WeakSet<Response> = new WeakSet();

/** Removes the fields that instruct the server in front to send a file. Returns the same object if it has no such field. */
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
  return isHandOffField(name) && name.toLowerCase() !== "x-accel-buffering";
}
