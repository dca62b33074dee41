import type { IncomingMessage } from "node:http";
import type { DownloadRequest } from "../../responses/handler.ts";

/** A web `Request` of a Node one, less its body, for handlers that are written for `fetch`. */
export function webRequest(request: DownloadRequest, native: IncomingMessage): Request {
  return new Request(urlOf(request.url, native), {
    method: request.method,
    headers: headersOf(native),
    ...(request.signal ? { signal: request.signal } : {}),
  });
}

// Joined as text: resolved against a base, the path `//host/file` would name another host.
function urlOf(target: string, { headers, socket }: IncomingMessage): string {
  if (!target.startsWith("/")) return target;
  const origin = `${"encrypted" in socket ? "https" : "http"}://${headers.host ?? String(headers[":authority"])}`;
  return `${URL.canParse(origin) ? origin : "http://localhost"}${target}`;
}

function headersOf({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers)
    .filter(([name]) => !name.startsWith(":"))
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]);
}
