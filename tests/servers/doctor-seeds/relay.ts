import { request as ask, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { Side } from "downloadview/doctor";

export type Fields = Record<string, string | string[] | undefined>;

/** A relay between the client and the server, as a CDN, a cache or a load balancer. */
export interface Relay {
  readonly what: string;
  readonly request?: (fields: Fields, original: IncomingMessage) => void;
  readonly response?: (fields: Fields) => void;
  /** Stores every response under its URL. */
  readonly stores?: boolean;
  readonly fails?: string;
  readonly side?: Side;
  /** Part of the remedy. */
  readonly says?: string;
}

/** Passes requests on to `target`. */
export function relayTo(target: string, { request, response, stores = false }: Relay): RequestListener {
  const stored = new Map<string, { status: number; headers: Fields; body: Buffer }>();
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const headers: Fields = { ...incoming.headers };
    request?.(headers, incoming);
    const hit = stored.get(incoming.url ?? "");
    if (stores && hit) return void outgoing.writeHead(hit.status, hit.headers).end(hit.body);
    const upstream = ask(target, { method: incoming.method, path: incoming.url, headers, agent: false }, (answer) => {
      const fields: Fields = { ...answer.headers };
      response?.(fields);
      outgoing.writeHead(answer.statusCode ?? 0, fields);
      outgoing.flushHeaders();
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => {
        if (stores) chunks.push(chunk);
        if (!outgoing.write(chunk)) answer.pause();
      });
      outgoing.on("drain", () => answer.resume());
      answer.once("end", () => {
        if (stores)
          stored.set(incoming.url ?? "", {
            status: answer.statusCode ?? 0,
            headers: fields,
            body: Buffer.concat(chunks),
          });
        outgoing.end();
      });
      answer.once("error", () => outgoing.destroy());
    });
    upstream.once("error", () => outgoing.destroy());
    outgoing.once("close", () => upstream.destroy());
    upstream.end();
    return undefined;
  };
}
