import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { HTTPFile, type HTTPFileOptions } from "downloadview";
import { until } from "../support/sockets.ts";

/** Another server, which says on each connection what it is told to, whatever HTTP has to say to that. */
export interface Upstream extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  /** The heads of the requests that came, each with the line of the method first. */
  readonly requests: string[];
  /** The connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many connections were made. */
  connections(): number;
  /** Waits until no connection is open. */
  allClosed(): Promise<void>;
  /** A file of this server, which the policy allows. */
  file(path: string, options?: HTTPFileOptions): HTTPFile;
}

/** Called with each request that came whole. */
export type Talk = (socket: Socket, head: string) => void;

export async function startUpstream(talk: Talk): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    onRequest(socket, (head) => {
      requests.push(head);
      talk(socket, head);
    });
  });
  const host = `127.0.0.1:${await listening(server)}`;
  return {
    host,
    url: `http://${host}`,
    requests,
    sockets,
    connections: () => connections,
    allClosed: () => until(() => sockets.size === 0),
    file: (path, options) => new HTTPFile(`http://${host}${path}`, { allowedHosts: [host], ...options }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

function onRequest(socket: Socket, listener: (head: string) => void): void {
  let received = "";
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
    for (let end = received.indexOf("\r\n\r\n"); end >= 0; end = received.indexOf("\r\n\r\n")) {
      const head = received.slice(0, end);
      received = received.slice(end + 4);
      listener(head);
    }
  });
}

/** The bytes of a message, with line ends as they are on the wire. */
export function message(head: string, body: string | Uint8Array = ""): Buffer {
  return Buffer.concat([Buffer.from(`${head}\n\n`.replaceAll("\n", "\r\n"), "latin1"), Buffer.from(body)]);
}

/** The status and the text that a client is answered with. */
export async function answered(response: Response): Promise<[status: number, text: string]> {
  return [response.status, await response.text()];
}
