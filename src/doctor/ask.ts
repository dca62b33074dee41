import { request as askByHttp, type IncomingMessage } from "node:http";
import { request as askByHttps } from "node:https";

/** A request as it is to go out, byte by byte: `fetch` would tidy up the path and add fields of its own. */
export interface Question {
  readonly method?: "GET" | "HEAD";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  /** The lines of a field. */
  lines(name: string): readonly string[];
  /** Them, joined. */
  field(name: string): string | undefined;
  /** The names of all fields, lower-case, each once. */
  readonly names: readonly string[];
  readonly body: Buffer;
}

/** How a server is reached. */
export interface Route {
  /** The Host field, and the name for TLS. Default: the URL's own. */
  readonly host?: string | undefined;
  /** Accepts a certificate that no authority of this machine has signed. Default false. */
  readonly insecure?: boolean | undefined;
  /** Ends the request, also while its body arrives. */
  readonly signal?: AbortSignal | undefined;
}

const longestWait = 10_000;
const mostBytes = 1024 * 1024;

/** Sends one request on a connection of its own. @throws {Error} that says why there is no reply */
export function ask(base: URL, { method = "GET", path, headers = {} }: Question, route: Route = {}): Promise<Reply> {
  const send = base.protocol === "https:" ? askByHttps : askByHttp;
  const options = {
    method,
    path,
    headers: { ...(route.host === undefined ? {} : { Host: route.host }), ...headers },
    agent: false as const,
    timeout: longestWait,
    ...tlsOptions(route),
    ...(route.signal && { signal: route.signal }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = send(base, options);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${longestWait / 1000} s`)));
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      collect(response).then((body) => resolve(reply(response, body)), reject);
    });
    outgoing.end();
  });
}

/** The name without its port that TLS asks for, and whether the certificate is checked. */
export function tlsOptions({ host, insecure }: Route): { servername?: string; rejectUnauthorized?: boolean } {
  const name = host?.replace(/:\d+$/, "");
  return {
    // An address is no name for TLS (RFC 6066 §3).
    ...(name !== undefined && !/^[\d.]+$|^\[/.test(name) ? { servername: name } : {}),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

// A response that promised more than it sent is one that a browser shows as a failed download: so it is here.
async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > mostBytes) break;
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
