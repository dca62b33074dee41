import type { ViewContext } from "../responses/handler.ts";

interface Connection {
  readonly remoteAddress?: unknown;
}

/** The properties in which request objects of frameworks have the client's address. */
interface NativeRequest {
  /** Express, Fastify, Koa: follows their setting of which proxies to trust. */
  readonly ip?: unknown;
  /** Node's `IncomingMessage`. */
  readonly socket?: Connection;
  /** h3, Koa and others that wrap Node's. */
  readonly req?: { readonly ip?: unknown; readonly socket?: Connection };
  /** Hono on Node. */
  readonly env?: { readonly incoming?: { readonly socket?: Connection } };
}

/**
 * Returns the client's address from the adapter, or else from the framework's request. Undefined if neither has it. It is
 * never read from header fields: the client can send any `X-Forwarded-For`.
 */
export function clientAddress(context: Pick<ViewContext<unknown>, "clientAddress" | "native">): string | undefined {
  const address = context.clientAddress?.() ?? nativeAddress(context.native);
  return typeof address === "string" && address !== "" ? address : undefined;
}

function nativeAddress(native: unknown): unknown {
  if (typeof native !== "object" || native === null) return undefined;
  const { ip, socket, req, env } = native as NativeRequest;
  return ip ?? req?.ip ?? (socket ?? req?.socket ?? env?.incoming?.socket)?.remoteAddress;
}
