/**
 * What of this package can never be JSON. Frameworks turn an object that a handler returns, or that `res.send()` is
 * passed, into JSON: the client would get a 200 with the path of the file on the server's disk in place of the file.
 */

/** What an object is, and so what its user should have done with it. */
type Kind = "download" | "file" | "storage" | "view" | "signer" | "middleware";

const sendIt =
  "Send it with send() of your framework's adapter. " +
  'Express ("downloadview/express"), node:http ("downloadview/node"): await send(req, res, download). ' +
  "Koa: await send(ctx, download). Fastify: return send(reply, download). " +
  "Hono, h3, Elysia, Astro, SvelteKit, React Router: return send(context, download). " +
  "Next.js, fetch: return send(request, download). Nest: use the DownloadInterceptor.";

const instead: Readonly<Record<Kind, string>> = {
  download: sendIt,
  file: `Make a download of it: download(file). ${sendIt}`,
  storage: "Select the values that you want to show, such as the entries of list().",
  view: "Mount its handler, asView(), with your framework's adapter, such as toExpressHandler(handler).",
  signer: "It holds a secret key.",
  middleware: "Pass it to the adapter's applyToDownloads().",
};

/**
 * The body of each `toJSON()`.
 * @throws {TypeError} always; the message may be shown to a client, as some frameworks do
 */
export function refuseJSON(value: object, kind: Kind): never {
  throw new TypeError(`${value.constructor.name} cannot be turned into JSON. ${instead[kind]}`);
}

type Inspect = (value: unknown, options?: object) => string;

// The method by which an object tells `util.inspect` and `console.log` how it looks, in Node, Deno and Bun.
const inspectSymbol = Symbol.for("nodejs.util.inspect.custom");

/**
 * Keeps credentials out of logs: `console.log(value)` shows `shown` in place of the members of the same names.
 * @param shown is called for each log
 */
export function hideInLogs(value: object, shown: () => Readonly<Record<string, unknown>>): void {
  const look = (_depth: number, options: object, inspect: Inspect): string =>
    `${value.constructor.name} ${inspect({ ...value, ...shown() }, options)}`;
  Object.defineProperty(value, inspectSymbol, { value: look });
}

/** `url` without its user, password, query and fragment, which may hold credentials. */
export function withoutCredentials(url: string | URL): string {
  if (!URL.canParse(url)) return "[not a URL]";
  const shown = new URL(url);
  const hasQuery = shown.search !== "";
  Object.assign(shown, { username: "", password: "", search: "", hash: "" });
  return hasQuery ? `${shown.href}?…` : shown.href;
}
