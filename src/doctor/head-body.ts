import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { tlsOptions, type Route } from "./ask.ts";

/** Returns how many bytes follow the head of the response to HEAD. Node's HTTP client ignores them. */
export async function bodyAfterHead(base: URL, path: string, route: Route = {}): Promise<number> {
  const socket = open(base, route);
  socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
  const stop = (): void => void socket.destroy(route.signal?.reason as Error);
  route.signal?.addEventListener("abort", stop, { once: true });
  socket.once("close", () => route.signal?.removeEventListener("abort", stop));
  await once(socket, base.protocol === "https:" ? "secureConnect" : "connect");
  socket.write(`HEAD ${path} HTTP/1.1\r\nHost: ${route.host ?? base.host}\r\nConnection: close\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  const answer = Buffer.concat(chunks);
  const end = answer.indexOf("\r\n\r\n");
  return end === -1 ? 0 : answer.byteLength - end - 4;
}

function open(base: URL, route: Route): Socket {
  const { protocol, hostname, port } = base;
  const host = hostname.replace(/^\[|\]$/g, "");
  return protocol === "https:"
    ? connectSecurely({ host, port: Number(port || 443), ...tlsOptions(base, route) })
    : connectPlain({ host, port: Number(port || 80) });
}
