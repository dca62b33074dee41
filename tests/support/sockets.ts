import { readdirSync, readlinkSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

/** An HTTP server on a free loopback port, closed with everything on it by `await using`. */
export async function listen(listener: RequestListener): Promise<{ port: number; url: string } & AsyncDisposable> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** A connected socket that has sent `text`, with line ends as they are on the wire. */
export async function sendRaw(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text.replaceAll("\n", "\r\n"));
  return socket;
}

/** All that the server says until it ends the connection, and whether it did so by a reset. */
export async function conversation(
  port: number,
  text: string,
): Promise<{ head: string; body: Buffer; reset: boolean }> {
  const socket = await sendRaw(port, text);
  let reset = false;
  socket.on("error", (error: NodeJS.ErrnoException) => (reset = error.code === "ECONNRESET"));
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // Not `once`: it would reject on the very reset that is asked about.
  await new Promise((resolve) => socket.on("close", resolve));
  const all = Buffer.concat(chunks);
  const end = all.indexOf("\r\n\r\n");
  return { head: all.subarray(0, end).toString("latin1"), body: all.subarray(end + 4), reset };
}

/** How many descriptors of this process are of files below `folder`. Linux only, where the suites run. */
export function openDescriptors(folder: string): number {
  return readdirSync("/proc/self/fd").filter((number) => targetOf(number).startsWith(folder)).length;
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}

/** Waits for `holds` to become true, looking again on every turn of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("It did not come about within five seconds");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
