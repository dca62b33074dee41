import { ImproperlyConfiguredError } from "../../errors.ts";
import { noteDecodedByRuntime } from "../../http/encoding.ts";
import type { Upstream } from "./request.ts";
import { nodeFetch, type ResolveHost } from "./node-fetch.ts";
import { remotePolicy } from "./policy.ts";
import type { RemoteFetch } from "./redirects.ts";

/** The limits of a download from another server: its hosts, times and size. */
export interface RemoteLimits {
  /**
   * The only hosts that requests may go to, after redirects too, as they are written in a URL: `files.example`,
   * `10.0.0.5:8080`. They may be in a private network. Default: any host that has only addresses of the public internet.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * Maximum length of a file, in bytes. A longer file is a 502; if its length is unknown, the download breaks. Default: no
   * limit.
   */
  readonly maxBytes?: number | undefined;
  /** Maximum time until the response begins, redirects included, in milliseconds. Default 30 000. */
  readonly timeout?: number | undefined;
  /** Maximum time to connect, in milliseconds. Default 10 000. Ignored if you pass `fetch`. */
  readonly connectTimeout?: number | undefined;
  /** Maximum time to wait for the next chunk of a body, in milliseconds. Default 30 000. */
  readonly idleTimeout?: number | undefined;
}

/** The options of an `HTTPFile`. */
export interface HTTPFileOptions extends RemoteLimits {
  /**
   * The name of the file. Default: the file name in the upstream's Content-Disposition, or the last segment of the URL's
   * path, or its host.
   */
  readonly name?: string | undefined;
  /** Options of each request, such as `headers` with credentials. `method`, `body` and `signal` are not allowed. */
  readonly requestInit?: RequestInit | undefined;
  /**
   * Sends the requests. Default on Node: a client that checks each address before it connects. Default on other runtimes:
   * the global `fetch`. This package cannot check which address another `fetch` connects to. Set `allowedHosts` if a client
   * can influence the URL.
   */
  readonly fetch?: typeof fetch | undefined;
  /** Resolves a host to addresses, which are then checked. Default: the system's resolver. Ignored if you pass `fetch`. */
  readonly resolve?: ResolveHost | undefined;
}

/**
 * Applies the defaults.
 *
 * @throws {ImproperlyConfiguredError} for an invalid limit or `requestInit`
 */
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
  if (own) return noting(own);
  // A `dispatcher`, for example of a proxy, works with the global fetch only.
  const wantsFetch = requestInit !== undefined && "dispatcher" in requestInit;
  return (
    (!wantsFetch && nodeFetch({ publicOnly: allowedHosts === undefined, resolve, connectTimeout })) || noting(fetch)
  );
}

/** Runtimes decode different codings, and leave the field that names them. */
function noting(send: RemoteFetch): RemoteFetch {
  return async (url, init) => {
    const response = await send(url, init);
    noteDecodedByRuntime(response.headers, { identity: true });
    return response;
  };
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
