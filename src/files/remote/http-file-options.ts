import { ImproperlyConfiguredError } from "../../errors.ts";
import type { Upstream } from "./request.ts";
import { nodeFetch, type ResolveHost } from "./node-fetch.ts";
import { remotePolicy } from "./policy.ts";
import type { RemoteFetch } from "./redirects.ts";

/** Where files may come from, and how long and how large they may be. */
export interface RemoteLimits {
  /**
   * The only hosts that files may come from, redirects included, in the form that they have in a URL: `files.example`,
   * `10.0.0.5:8080`. They may be anywhere, also in a private network. Default: any host whose addresses are all of the
   * public internet.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** A file that is longer is not served: 502, or, where its length is not known, a download that breaks. Default: none is. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds until an answer must have begun, redirects included. Default 30 000. */
  readonly timeout?: number | undefined;
  /** Milliseconds until there must be a connection. Default 10 000. Of no effect on a `fetch` of your own. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds within which the next piece of a body must come, while it is waited for. Default 30 000. */
  readonly idleTimeout?: number | undefined;
}

export interface HTTPFileOptions extends RemoteLimits {
  /**
   * What the client sees. Default: the file name in the upstream's Content-Disposition, or the last segment of the URL's
   * path, or its host.
   */
  readonly name?: string | undefined;
  /** What each request is sent with, such as `headers` with credentials. It can have no method, body or signal. */
  readonly requestInit?: RequestInit | undefined;
  /**
   * What sends the requests. Default, on Node: a client that checks each address it connects to. Where there is no
   * Node: the global `fetch`. With a `fetch` of your own, and where there is no Node, nobody but it knows what a name
   * resolves to: give `allowedHosts`, if a client has a say in the URL.
   */
  readonly fetch?: typeof fetch | undefined;
  /** Finds the addresses of a host, which are checked. Default: the system's resolver. Of no effect on a `fetch`. */
  readonly resolve?: ResolveHost | undefined;
}

/** @throws {ImproperlyConfiguredError} for a limit that can't hold */
export function upstreamOf(url: string, options: HTTPFileOptions): Upstream {
  const { timeout = 30_000, connectTimeout = 10_000, idleTimeout = 30_000, maxBytes = Infinity } = options;
  assertRequestInit(options.requestInit);
  assertPositive({ timeout, connectTimeout, idleTimeout, maxBytes });
  return {
    url,
    requestInit: options.requestInit ?? {},
    fetch: fetchOf(options, connectTimeout),
    policy: remotePolicy(options.allowedHosts),
    timeout,
    idleTimeout,
    maxBytes,
  };
}

function fetchOf(
  { fetch: own, requestInit, resolve, allowedHosts }: HTTPFileOptions,
  connectTimeout: number,
): RemoteFetch {
  if (own) return own;
  // Whoever says by which dispatcher fetch is to connect, such as one for a proxy, wants that fetch.
  const wantsFetch = requestInit !== undefined && "dispatcher" in requestInit;
  return (!wantsFetch && nodeFetch({ publicOnly: allowedHosts === undefined, resolve, connectTimeout })) || fetch;
}

function assertRequestInit({ method = "GET", body, signal }: RequestInit = {}): void {
  if (method.toUpperCase() !== "GET") {
    throw new ImproperlyConfiguredError(`requestInit.method can't be ${method}: files are asked for by GET and HEAD`);
  }
  if (body !== undefined && body !== null) {
    throw new ImproperlyConfiguredError("requestInit.body can't be sent: files are asked for by GET and HEAD");
  }
  if (signal !== undefined && signal !== null) {
    throw new ImproperlyConfiguredError(
      "requestInit.signal is not used: a request ends with the download, or by timeout",
    );
  }
}

function assertPositive(limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (!(limit > 0)) throw new ImproperlyConfiguredError(`${name} has to be a positive number, not ${limit}`);
  }
}
