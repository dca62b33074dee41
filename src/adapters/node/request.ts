import type { IncomingMessage, ServerResponse } from "node:http";
import { hasLeft, http2Stream, onConnectionEnd } from "./connection.ts";
import type { DownloadRequest } from "../../responses/handler.ts";

/** A Node request as views see it. Nothing is copied, and the signal is made when it is first read. */
export class NodeDownloadRequest implements DownloadRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly response: ServerResponse;
  #signal: AbortSignal | undefined;

  /** @param url the whole URL, if the framework keeps it elsewhere than Express */
  constructor(
    request: IncomingMessage & { readonly originalUrl?: string },
    response: ServerResponse,
    // Frameworks shorten `url` for a handler that is mounted below a path. A signature is over the whole.
    url: string = request.originalUrl ?? request.url ?? "/",
  ) {
    this.method = request.method ?? "GET";
    this.url = url;
    this.headers = {
      get: (name) => {
        const value = request.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(", ") : (value ?? null);
      },
    };
    this.response = response;
  }

  get signal(): AbortSignal {
    this.#signal ??= closeSignal(this.response);
    return this.#signal;
  }
}

function closeSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (hasLeft(response)) controller.abort();
  else onConnectionEnd(response, () => void (isFinished(response) || controller.abort()));
  return controller.signal;
}

function isFinished(response: ServerResponse): boolean {
  return (http2Stream(response) ?? response).writableFinished;
}

/** Makes the web `Request` of a Node one, without its body, for handlers that are written for `fetch`. */
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
