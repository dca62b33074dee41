/**
 * A fetch on Node's HTTP client that checks the addresses it connects to. With the global `fetch` only the name can be
 * checked: `fetch` then resolves it again, and an attacker's DNS server can return another address (DNS rebinding).
 */
import type { LookupAddress } from "node:dns";
import type * as http from "node:http";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type * as https from "node:https";
import type { LookupFunction } from "node:net";

import type { Duplex, pipeline, Readable } from "node:stream";
import type * as zlib from "node:zlib";
import { UpstreamError } from "../../errors.ts";
import { decodedCodings } from "../../http/encoding.ts";
import { onAbort } from "../abort.ts";
import { startTimer } from "./body.ts";
import { assertPublic, refusedUpstream } from "./policy.ts";
import type { RemoteFetch, RemoteResponse } from "./redirects.ts";

/** Resolves a host to its addresses. */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>;

export interface NodeFetchOptions {
  /** Whether to refuse addresses that are not on the public internet. */
  readonly publicOnly: boolean;
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost | undefined;
  /** Maximum time for the lookup, the connection and the TLS handshake together, in milliseconds. */
  readonly connectTimeout: number;
}

/** Makes the fetch. Returns undefined on runtimes without Node's HTTP client. */
export function nodeFetch({ publicOnly, resolve, connectTimeout }: NodeFetchOptions): RemoteFetch | undefined {
  const node = (modules ??= loadModules());
  if (!node) return undefined;
  const agents = agentsFor(node, resolve ?? node.resolve, publicOnly);
  return async (url, init) => {
    for (;;) {
      const exchange = new Exchange(node, agents, url, init);
      exchange.limitConnecting(connectTimeout);
      try {
        return await exchange.response;
      } catch (error) {
        // The server closed the idle connection while we reused it, so it has not seen the request.
        if (!exchange.wasStale(error)) throw error;
      }
    }
  };
}

interface NodeModules {
  readonly http: typeof http;
  readonly https: typeof https;
  readonly pipeline: typeof pipeline;
  readonly zlib: typeof zlib;
  readonly resolve: ResolveHost;
}

let modules: NodeModules | false | undefined;

// Not imported: this file also runs on worker runtimes, which may not have these modules.
function loadModules(): NodeModules | false {
  const { process, navigator } = globalThis as Partial<Pick<typeof globalThis, "process" | "navigator">>;
  // The node:http of Cloudflare Workers is built on fetch and ignores `lookup`.
  if (!process?.getBuiltinModule || navigator?.userAgent === "Cloudflare-Workers") return false;
  const { lookup } = process.getBuiltinModule("node:dns/promises");
  return {
    http: process.getBuiltinModule("node:http"),
    https: process.getBuiltinModule("node:https"),
    pipeline: process.getBuiltinModule("node:stream").pipeline,
    zlib: process.getBuiltinModule("node:zlib"),
    resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
  };
}

interface Agents {
  readonly http: Agent;
  readonly https: Agent;
}

// Separate pools: an idle connection to a private address must not be reused by a file that allows public addresses only.
const publicAgents = new WeakMap<ResolveHost, Agents>();
const anyAgents = new WeakMap<ResolveHost, Agents>();

function agentsFor({ http, https }: NodeModules, resolve: ResolveHost, publicOnly: boolean): Agents {
  const agents = publicOnly ? publicAgents : anyAgents;
  const known = agents.get(resolve);
  if (known) return known;
  const options = { keepAlive: true, timeout: idleConnection, lookup: checkedLookup(resolve, publicOnly) };
  const made = { http: new http.Agent(options), https: new https.Agent(options) };
  agents.set(resolve, made);
  return made;
}

/** In milliseconds. Less than the five seconds after which many servers close an idle connection. */
const idleConnection = 4000;

// Node connects only to the addresses that this function returns. It is not called if the host is an address.
function checkedLookup(resolve: ResolveHost, publicOnly: boolean): LookupFunction {
  async function addressesOf(hostname: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const addresses = await resolve(hostname);
    if (publicOnly) assertPublic(hostname, addresses);
    const [first, ...others] = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    if (first === undefined) throw refusedUpstream(hostname, "it has no address");
    return [first, ...others];
  }
  async function lookUp(hostname: string, all: boolean, callback: Parameters<LookupFunction>[2]): Promise<void> {
    const found = await addressesOf(hostname).catch((error: Error) => error);
    if (found instanceof Error) callback(found, "");
    else if (all) callback(null, found);
    else callback(null, found[0].address, found[0].family);
  }
  return (hostname, { all = false }, callback) => void lookUp(hostname, all, callback);
}

/** One request and its response. */
class Exchange {
  readonly #node: NodeModules;
  readonly #request: ClientRequest;
  readonly #secure: boolean;
  #message: IncomingMessage | undefined;
  /** What the connection broke with before the body had ended. */
  #cut: Error | undefined;
  readonly response: Promise<RemoteResponse>;
  /** Done when the connection is closed, or free for the next request. */
  readonly #closed: Promise<void>;

  constructor(node: NodeModules, agents: Agents, url: string, { method = "GET", headers, signal }: RequestInit) {
    this.#node = node;
    this.#secure = url.startsWith("https:");
    const scheme = this.#secure ? "https" : "http";
    const fields = { ...defaultFields, ...Object.fromEntries(new Headers(headers)) };
    this.#request = node[scheme].request(url, { method, headers: fields, agent: agents[scheme] });
    this.response = new Promise((resolve, reject) => {
      this.#request.on("error", reject);
      // Without a listener Node closes the connection and never says so.
      this.#request.once("upgrade", (_, socket) => {
        socket.destroy();
        reject(new Error("The server switched to another protocol"));
      });
      this.#request.once("response", (message) => resolve(this.#begin(message)));
    });
    const stop = onAbort(signal ?? undefined, () => this.#abandon(signal?.reason));
    this.#closed = new Promise((resolve) => this.#request.once("close", resolve)).then(stop);
    this.#request.end();
  }

  limitConnecting(milliseconds: number): void {
    const request = this.#request;
    const timer = startTimer(milliseconds, () => request.destroy(new UpstreamError(504, "Upstream cannot be reached")));
    const stop = (): void => clearTimeout(timer);
    request.once("close", stop);
    request.once("socket", (socket) => {
      if (request.reusedSocket) stop();
      else socket.once(this.#secure ? "secureConnect" : "connect", stop);
    });
  }

  wasStale(error: unknown): boolean {
    const { code = "" } = error as NodeJS.ErrnoException;
    return this.#request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(code);
  }

  async #begin(message: IncomingMessage): Promise<RemoteResponse> {
    this.#message = message;
    // Node ends a body that has no length when its connection is reset, as if it were whole: the request alone is told.
    this.#request.on("error", (error) => {
      if (!message.complete) this.#cut = error;
    });
    try {
      const { statusCode: status = 0 } = message;
      const headers = headersOf(message);
      const empty = this.#request.method === "HEAD" || [204, 205, 304].includes(status);
      if (empty) message.resume();
      return { status, headers, body: empty ? null : this.#bodyOf(message, headers) };
    } catch (error) {
      this.#request.destroy();
      throw error;
    }
  }

  /** The response as fetch returns it, with a decoded body. */
  #bodyOf(message: IncomingMessage, headers: Headers): ReadableStream<Uint8Array> {
    const decoders = decodedCodings(headers).map((coding) => this.#decoder(coding));
    const last = decoders.at(0);
    if (!last)
      return webStreamOf(
        message,
        () => this.#cut,
        () => this.#abandon(),
      );
    // The coding that was applied last comes off first. The error of each is also the last one's, which is read.
    this.#node.pipeline([message, ...decoders.toReversed()], () => undefined);
    return webStreamOf(
      last,
      () => this.#cut,
      () => void last.destroy(),
    );
  }

  #decoder(coding: string): Duplex {
    const { createBrotliDecompress, createGunzip, createInflate } = this.#node.zlib;
    if (coding === "br") return createBrotliDecompress();
    return coding === "deflate" ? createInflate() : createGunzip();
  }

  /** Ends the exchange. A connection over which everything has come is kept for the next one. */
  #abandon(reason?: unknown): Promise<void> {
    if (this.#message?.complete) this.#message.resume();
    else this.#request.destroy(reason instanceof Error ? reason : undefined);
    return this.#closed;
  }
}

/** What fetch sends without being told to. Some servers refuse those who don't say what they are. */
const defaultFields = { accept: "*/*", "user-agent": "downloadview" };

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}

/** Takes a chunk from `readable` for each that is asked for, none ahead. Fails at its end with what it was cut by. */
function webStreamOf(
  readable: Readable,
  cut: () => Error | undefined,
  cancel: () => Promise<void> | void,
): ReadableStream<Uint8Array> {
  let give: ((chunk: Uint8Array) => void) | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        give = (chunk) => {
          readable.pause();
          controller.enqueue(chunk);
        };
        readable.pause().on("data", give);
        readable.once("end", () => {
          const error = cut();
          if (give && error) controller.error(error);
          else if (give) controller.close();
        });
        readable.on("error", (error) => give && controller.error(error));
      },
      pull() {
        readable.resume();
      },
      cancel() {
        if (give) readable.off("data", give);
        give = undefined;
        return cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
