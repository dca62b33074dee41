import type { Delivery } from "./delivery.ts";
import type { RenderedResponse } from "./rendered-response.ts";

/** A web `Response`, made by a view's own method, in the form that every adapter writes. */
export function renderWebResponse(response: Response, delivery: Delivery): RenderedResponse {
  const headers: string[] = [];
  response.headers.forEach((value, name) => void (name === "set-cookie" || headers.push(name, value)));
  for (const cookie of response.headers.getSetCookie()) headers.push("set-cookie", cookie);
  return {
    status: response.status,
    headers,
    body: response.body ? { kind: "stream", stream: response.body } : { kind: "none" },
    delivery,
  };
}
