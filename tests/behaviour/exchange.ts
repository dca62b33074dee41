import { request as requestHttp, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:http2";

export interface Exchange {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client saw. */
export interface Outcome {
  readonly status: number;
  /** By lowercase name. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the client could tell that it got everything. */
  readonly complete: boolean;
}

export type Protocol = "HTTP/1.1" | "HTTP/2";

/** One request on a connection of its own. */
export function exchange(protocol: Protocol, port: number, request: Exchange): Promise<Outcome> {
  return protocol === "HTTP/2" ? exchangeHttp2(port, request) : exchangeHttp1(port, request);
}

function exchangeHttp1(port: number, { method = "GET", path, headers = {} }: Exchange): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const request = requestHttp({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      // A reset shows on the request as well; the response tells whether it came too early.
      request.off("error", reject).on("error", () => undefined);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => undefined);
      response.on("close", () => {
        const { statusCode: status = 0, complete } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks), complete });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

function exchangeHttp2(port: number, { method = "GET", path, headers = {} }: Exchange): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":method": method, ":path": path, ...lowercased(headers) });
    const chunks: Buffer[] = [];
    let received: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
    let failed = false;
    stream.on("response", (fields) => (received = fields));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => (failed = true));
    stream.on("close", () => {
      session.close();
      const { ":status": status = 0, ...rest } = received;
      const complete = !failed && stream.rstCode === 0;
      resolve({ status, headers: rest, body: Buffer.concat(chunks), complete });
    });
    stream.end();
  });
}

function lowercased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name.toLowerCase() !== "host");
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
}

/** Begins a request and leaves as soon as some of the body has come. */
export function leaveEarly(protocol: Protocol, port: number, path: string): Promise<void> {
  return protocol === "HTTP/2" ? leaveHttp2(port, path) : leaveHttp1(port, path);
}

function leaveHttp1(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = requestHttp({ port, host: "127.0.0.1", path, agent: false }, (response) => {
      response.on("error", () => undefined);
      response.once("data", () => response.destroy());
      response.on("close", resolve);
    });
    request.on("error", reject);
    request.end();
  });
}

function leaveHttp2(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":path": path });
    stream.once("data", () => stream.close(8)); // CANCEL (RFC 9113 §7)
    // The connection stays open for a while: only the stream is reset.
    stream.on("close", () => setImmediate(() => session.close(resolve)));
    stream.end();
  });
}
