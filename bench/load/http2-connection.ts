import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { once } from "node:events";
import type { Target } from "../harness/protocol.ts";
import type { ConnectionEvents, LoadConnection } from "./connection.ts";

/** Streams that share a connection: a browser has one connection for all files of a page. */
const STREAMS = 4;

/** As large as those of browsers: with Node's own 64 KiB, the time of a large file would be that of window updates. */
const STREAM_WINDOW = 6 * 1024 * 1024;
const SESSION_WINDOW = 15 * 1024 * 1024;

/** Opens streams' worth of HTTP/2 connections. Each member of the result has one stream at a time. */
export async function openHttp2(
  count: number,
  target: Target,
  events: (self: () => LoadConnection) => ConnectionEvents,
): Promise<LoadConnection[]> {
  const sessions = await Promise.all(
    Array.from({ length: Math.ceil(count / STREAMS) }, () => openSession(target.port)),
  );
  return Array.from({ length: count }, (_, at) => {
    const connection: LoadConnection = streamsOf(
      sessions[at % sessions.length]!,
      target,
      events(() => connection),
    );
    return connection;
  });
}

async function openSession(port: number): Promise<ClientHttp2Session> {
  const settings = { initialWindowSize: STREAM_WINDOW, enablePush: false };
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, settings });
  session.on("error", () => {});
  await once(session, "connect");
  session.setLocalWindowSize(SESSION_WINDOW);
  return session;
}

function streamsOf(session: ClientHttp2Session, target: Target, events: ConnectionEvents): LoadConnection {
  let closing = false;
  const fail = (error: Error): void => void (closing || events.onError(error));
  session.on("error", fail);
  session.on("close", () => fail(new Error("The server closed the connection")));
  return {
    send: () => follow(session.request({ ":path": target.path, ...target.headers }), events, fail),
    resume: () => {},
    close: () => {
      closing = true;
      session.destroy();
    },
  };
}

function follow(stream: ClientHttp2Stream, events: ConnectionEvents, fail: (error: Error) => void): void {
  let head = { status: 0, text: "" };
  let bodyBytes = 0;
  stream.on("response", (headers) => {
    head = headOf(headers);
    events.onHead?.(head);
  });
  stream.on("data", (bytes: Buffer) => {
    bodyBytes += bytes.length;
    events.onBody?.(bytes);
  });
  stream.on("end", () => events.onEnd({ ...head, bodyBytes }));
  stream.on("error", fail);
}

function headOf(headers: IncomingHttpHeaders & { readonly ":status"?: number | undefined }): {
  status: number;
  text: string;
} {
  const fields = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${String(value)}`);
  return { status: headers[":status"] ?? 0, text: `HTTP/2 ${fields.join("")}` };
}
