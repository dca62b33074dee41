import type { IncomingMessage, ServerResponse } from "node:http";
import { hasLeft, http2Stream, onConnectionEnd } from "./connection.ts";
import type { DownloadRequest } from "../../responses/handler.ts";

/** A Node request as views see it. Nothing is copied; the signal is made only when somebody asks for it. */
export class NodeDownloadRequest implements DownloadRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly response: ServerResponse;
  #signal: AbortSignal | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, url: string = wholeUrl(request)) {
    this.method = request.method ?? "GET";
    this.url = url;
    this.headers = new NodeHeaders(request);
    this.response = response;
  }

  get signal(): AbortSignal {
    this.#signal ??= closeSignal(this.response);
    return this.#signal;
  }
}

// Frameworks shorten `url` where a handler is mounted; a signature is over the whole.
function wholeUrl(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return request.originalUrl ?? request.url ?? "/";
}

class NodeHeaders {
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  get(name: string): string | null {
    const value = this.#request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
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
