interface Connection {
  readonly remoteAddress?: unknown;
}

/** Where the frameworks' own request objects keep the client's address. */
interface NativeRequest {
  /** Express, Fastify, Koa: obeys their setting of which proxies to trust. */
  readonly ip?: unknown;
  /** Node's `IncomingMessage`. */
  readonly socket?: Connection;
  /** h3, Koa and others that wrap Node's. */
  readonly req?: { readonly socket?: Connection };
  /** Hono on Node. */
  readonly env?: { readonly incoming?: { readonly socket?: Connection } };
}

/**
 * The client's address as the framework knows it, if it does. Header fields are not asked: `X-Forwarded-For` says what
 * its sender likes.
 */
export function clientAddress(native: unknown): string | undefined {
  if (typeof native !== "object" || native === null) return undefined;
  const { ip, socket, req, env } = native as NativeRequest;
  const address = ip ?? (socket ?? req?.socket ?? env?.incoming?.socket)?.remoteAddress;
  return typeof address === "string" && address !== "" ? address : undefined;
}
