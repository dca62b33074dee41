import { connect, type Socket } from "node:net";
import { connect as connectTLS } from "node:tls";
import { once } from "node:events";
import { type ResponseEvents, ResponseReader } from "./response-reader.ts";

/** All connections read into one buffer: what was read is counted before the next read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** Bytes that a slow reader takes at a time. */
const SLOW_READ_BUFFER = Buffer.allocUnsafe(64 * 1024);

export interface ConnectionEvents extends ResponseEvents {
  /** Called after each read. `false` stops reading until {@link Connection.resume}. */
  onRead?(): boolean;
  onError(error: Error): void;
}

/** What a load does with a connection, whatever the protocol. */
export interface LoadConnection {
  /** Sends the connection's own request, or another. */
  send(request?: string): void;
  resume(): void;
  close(): void;
}

/** One TCP connection that sends a request again and again. */
export class Connection implements LoadConnection {
  readonly #socket: Socket;
  readonly #request: string;
  #closing = false;

  private constructor(socket: Socket, request: string) {
    this.#socket = socket;
    this.#request = request;
  }

  static async open(
    port: number,
    request: string,
    events: ConnectionEvents,
    { slow = false, secure = false }: { slow?: boolean; secure?: boolean } = {},
  ): Promise<Connection> {
    const reader = new ResponseReader(events);
    const buffer = slow ? SLOW_READ_BUFFER : READ_BUFFER;
    const callback = (count: number): boolean => {
      read(reader, buffer.subarray(0, count), events);
      return events.onRead?.() ?? true;
    };
    const where = { host: "127.0.0.1", port, noDelay: true, onread: { buffer, callback } };
    const socket = secure ? connectTLS({ ...where, rejectUnauthorized: false }) : connect(where);
    const connection = new Connection(socket, request);
    socket.on("error", (error) => connection.#fail(error, events));
    socket.on("close", () => connection.#fail(new Error("The server closed the connection"), events));
    await once(socket, secure ? "secureConnect" : "connect");
    return connection;
  }

  send(request: string = this.#request): void {
    this.#socket.write(request, "latin1");
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #fail(error: Error, events: ConnectionEvents): void {
    if (this.#closing) return;
    this.close();
    events.onError(error);
  }
}

function read(reader: ResponseReader, bytes: Buffer, events: ConnectionEvents): void {
  try {
    reader.read(bytes);
  } catch (error) {
    events.onError(error as Error);
  }
}

/** The bytes of a GET, as a plain client sends them. */
export function formatRequest(path: string, headers: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ Host: "localhost", Accept: "*/*", ...headers });
  return `GET ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
