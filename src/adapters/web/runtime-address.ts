/** Where runtimes and servers that speak `fetch` keep the client's address. */
interface Addressed {
  /** srvx, and so h3 2 and Nitro 3: on the request. */
  readonly ip?: unknown;
  /** Deno: the second argument of a handler. */
  readonly remoteAddr?: { readonly hostname?: unknown };
  /** Bun: its server, the second argument of a handler. */
  requestIP?(request: Request): { readonly address?: unknown } | null;
  /** Hono on Node. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: unknown } };
  /** Hono on Bun, where the server is passed as `{ server }`. */
  readonly server?: Addressed | null;
}

/**
 * The client's address, as the server tells it.
 * @param given what the server passes beside the request, or what Hono calls `env`
 */
export function runtimeAddress(request: Request, given?: unknown): string | undefined {
  const { ip } = request as Addressed;
  const found = ip ?? (typeof given === "object" && given !== null ? addressIn(given, request) : undefined);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function addressIn(given: Addressed, request: Request): unknown {
  const { remoteAddr, incoming, server } = given;
  const bun = [given, server].find((one) => typeof one?.requestIP === "function");
  return remoteAddr?.hostname ?? incoming?.socket?.remoteAddress ?? attempted(() => bun?.requestIP?.(request)?.address);
}

/** What a framework tells, or undefined where it throws instead, as SvelteKit and Astro do for prerendered pages. */
export function attempted<T>(tell: () => T): T | undefined {
  try {
    return tell();
  } catch {
    return undefined;
  }
}
