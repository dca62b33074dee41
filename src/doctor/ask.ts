import { Agent, request as askByHttp, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as askByHttps } from "node:https";

/** A request that is sent byte by byte: `fetch` would normalize the path and add fields. */
export interface Question {
  readonly method?: "GET" | "HEAD" | "OPTIONS";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  /** The values of a field, one per line of the head. */
  lines(name: string): readonly string[];
  /** The same, joined. Undefined if the field is missing. */
  field(name: string): string | undefined;
  /** The names of all fields, lower-case, each once. */
  readonly names: readonly string[];
  readonly body: Buffer;
}

/** How the doctor reaches a server. */
export interface Route {
  /** The Host field, and the name for TLS. Default: the URL's own. */
  readonly host?: string | undefined;
  /** Accepts a self-signed certificate. Default false. */
  readonly insecure?: boolean | undefined;
  /** Aborts the request, also while its body arrives. */
  readonly signal?: AbortSignal | undefined;
  /** Keeps connections open between requests. Default: each request has its own connection. */
  readonly connections?: Connections | undefined;
}

/** Connections that stay open between requests. */
export class Connections {
  readonly #plain: Agent = new Agent({ keepAlive: true });
  readonly #secure: SecureAgent = new SecureAgent({ keepAlive: true });

  for({ protocol }: URL): Agent {
    return protocol === "https:" ? this.#secure : this.#plain;
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

/** The longest time without any byte, in milliseconds. */
const maxSilence = 10_000;
const maxBytes = 1024 * 1024;

/** Sends one request. @throws {Error} that says why there is no reply */
export async function ask(base: URL, question: Question, route: Route = {}): Promise<Reply> {
  const response = await openReply(base, question, route).catch((error: unknown) => {
    // The server may close a kept connection at any moment.
    if (route.connections === undefined || route.signal?.aborted === true) throw error;
    return openReply(base, question, { ...route, connections: undefined });
  });
  return reply(response, await collect(response));
}

/** The same, without reading the body. The caller reads or destroys it. */
export function openReply(
  base: URL,
  { method = "GET", path, headers = {} }: Question,
  route: Route = {},
): Promise<IncomingMessage> {
  const send = base.protocol === "https:" ? askByHttps : askByHttp;
  const options = {
    method,
    path,
    headers: { ...(route.host === undefined ? {} : { Host: route.host }), ...headers },
    agent: route.connections?.for(base) ?? (false as const),
    timeout: maxSilence,
    ...tlsOptions(base, route),
    ...(route.signal && { signal: route.signal }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = send(base, options);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${maxSilence / 1000} s`)));
    outgoing.once("error", reject);
    outgoing.once("response", resolve);
    outgoing.end();
  });
}

/**
 * Returns the name for TLS, which has no port, and whether to check the certificate. Node would take the name of the Host field,
 * also that of a question with a forged Host, for which no server has a certificate.
 */
export function tlsOptions(
  { hostname }: URL,
  { host, insecure }: Route,
): { servername: string; rejectUnauthorized?: boolean } {
  const name = host?.replace(/:\d+$/, "") ?? hostname;
  return {
    // An address is no name for TLS (RFC 6066 §3).
    servername: /^[\d.]+$|^\[/.test(name) ? "" : name,
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

// A truncated response throws here, as a browser shows it as a failed download.
async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function reply({ statusCode = 0, rawHeaders }: IncomingMessage, body: Buffer): Reply {
  const lines = (name: string): string[] =>
    rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name.toLowerCase());
  const names = new Set(rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  return {
    status: statusCode,
    lines,
    field: (name) => (lines(name).length === 0 ? undefined : lines(name).join(", ")),
    names: [...names],
    body,
  };
}
