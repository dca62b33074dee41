import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP proxy in front of a server, that counts and cuts. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** The request lines that passed, with the fields that say which part and version of a file is asked for. */
  readonly requests: string[];
  /** How many connections were made to it. */
  readonly connections: number;
  /** How many bytes the server has sent through it. */
  readonly received: number;
  /** Cuts so many connections, each of them after so many bytes from the server. */
  cut(times: number, afterBytes: number, onCut?: () => Promise<unknown>): void;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
}

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const state = { requests: [] as string[], connections: 0, received: 0, cuts: 0, afterBytes: 0 };
  let onCut: (() => Promise<unknown>) | undefined;
  const server = createServer((client) => {
    state.connections += 1;
    open.add(client);
    client.once("close", () => open.delete(client));
    const upstream = connect(target, "127.0.0.1");
    let answered = 0;
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    client.on("data", (chunk: Buffer) => {
      answered = 0;
      noteRequest(state.requests, chunk);
    });
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      state.received += chunk.length;
      answered += chunk.length;
      if (state.cuts > 0 && answered > state.afterBytes) {
        state.cuts -= 1;
        upstream.pause();
        void Promise.resolve(onCut?.()).then(() => client.destroy());
        return;
      }
      if (!client.write(chunk)) {
        upstream.pause();
        client.once("drain", () => upstream.resume());
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return state.requests;
    },
    get connections() {
      return state.connections;
    },
    get received() {
      return state.received;
    },
    cut(times, afterBytes, action) {
      [state.cuts, state.afterBytes, onCut] = [times, afterBytes, action];
    },
    async idle() {
      while (open.size > 0) await Promise.all([...open].map(closed));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Not `once`: it would reject on the reset that closes some of them.
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once("close", () => resolve()));
}

/** `GET /path bytes=0-9 if-match`, of a chunk that begins a request. */
function noteRequest(requests: string[], chunk: Buffer): void {
  const text = chunk.toString("latin1");
  const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.1\r\n/.exec(text) ?? [];
  if (!method || !path) return;
  const range = /^(?:x-ms-)?range: *(\S+)/im.exec(text)?.[1];
  const condition = /^(if-(?:none-)?match): /im.exec(text)?.[1]?.toLowerCase();
  requests.push([method, path.split("?")[0], range, condition].filter(Boolean).join(" "));
}
