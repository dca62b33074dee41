import { assertChoice } from "../choice.ts";
import { debug } from "../diagnostics.ts";
import { ImproperlyConfiguredError, isDownloadError, PermissionDeniedError } from "../errors.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadRequest, DownloadResult } from "./handler.ts";
import { ownResponse } from "./own-response.ts";
import { changeableCopy } from "./web-response.ts";

/** What pages of other origins may do with downloads. */
export interface CrossOriginOptions {
  /**
   * Whose pages may read the downloads: a list such as `["https://app.example.com"]`, a function, or `"*"` for any.
   * `"*"` can't be combined with {@link credentials}: every site could then read what its visitor may.
   */
  readonly origins:
    | "*"
    | readonly string[]
    | ((origin: string, request: DownloadRequest) => boolean | Promise<boolean>);
  /** Whether these pages may send cookies and client certificates (`credentials: "include"`). Default false. */
  readonly credentials?: boolean;
  /** Names of response fields that scripts may read, besides those that downloads have. */
  readonly exposedHeaders?: readonly string[];
  /** Names of request fields that scripts may send, such as `Authorization`, besides those of ranges and preconditions. */
  readonly allowedHeaders?: readonly string[];
  /** Methods that scripts may use. Default `["GET", "HEAD"]`. */
  readonly methods?: readonly string[];
  /** For how many seconds a browser may remember the answer to a preflight. Default 600. Chromium caps it at 7200. */
  readonly maxAge?: number;
  /**
   * `Cross-Origin-Resource-Policy`: which pages may embed a download without CORS (`<img>`, `<video>` without the
   * `crossorigin` attribute). Browsers send no `Origin` then, so that the list of origins can't be checked.
   * Default: `"cross-origin"` for {@link origins} `"*"` and for requests of a listed origin, else `"same-site"`.
   */
  readonly resourcePolicy?: "same-origin" | "same-site" | "cross-origin";
  /** Whether the same pages may read the timing and size of a download (`Timing-Allow-Origin`). Default true. */
  readonly timing?: boolean;
}

/** Makes downloads readable for pages of other origins: around a handler, or as a middleware. */
export interface CrossOrigin extends DownloadMiddleware {
  /** A handler that answers preflights itself, and whose responses and errors carry the fields. */
  <C>(handler: DownloadHandler<C>): DownloadHandler<C>;
}

/**
 * Lets pages of other origins read downloads, with the fields that `fetch`, PDF.js and players need: the name, the range,
 * the length, the entity tag, the digest (https://fetch.spec.whatwg.org/#http-cors-protocol). Answers preflights for
 * ranges and preconditions. Works with offloaded downloads too.
 *
 * Put it outermost, around `signatureRequired` and the like: a browser sends no credentials with a preflight. Route
 * `OPTIONS` to the handler as well as GET. As a middleware (`applyToDownloads`, `withMiddleware`) it sets the same fields,
 * but sees neither preflights nor errors.
 *
 * A request of another origin is answered without the fields, so that its page can't read the answer. A preflight of
 * another origin gets a {@link PermissionDeniedError}: 403.
 *
 * @throws {ImproperlyConfiguredError} for `"*"` with credentials, and for an origin that a browser would never send
 *
 * @example
 * ```ts
 * import { crossOrigin, download } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const shared = crossOrigin({ origins: ["https://app.example.com"], credentials: true });
 * const handler = toFetchHandler(shared(async () => download("a,b\n", { name: "table.csv" })));
 *
 * const headers = { Origin: "https://app.example.com" };
 * const response = await handler(new Request("https://files.example.com/table.csv", { headers }));
 * console.assert(response.headers.get("Access-Control-Allow-Origin") === "https://app.example.com");
 * console.assert(response.headers.get("Access-Control-Expose-Headers")?.includes("Content-Disposition"));
 *
 * const other = { Origin: "https://evil.example" };
 * const unreadable = await handler(new Request("https://files.example.com/table.csv", { headers: other }));
 * console.assert(unreadable.headers.get("Access-Control-Allow-Origin") === null);
 * ```
 */
export function crossOrigin(options: CrossOriginOptions): CrossOrigin {
  const rules = rulesOf(options);
  const middleware = async (response: DownloadResult, request: DownloadRequest): Promise<DownloadResult> =>
    shared(response, request, await fieldsFor(request, rules));
  const around =
    <C>(handler: DownloadHandler<C>): DownloadHandler<C> =>
    async (request, context) => {
      if (isPreflight(request)) return preflightResponse(request, rules);
      const fields = await fieldsFor(request, rules);
      try {
        return shared(await handler(request, context), request, fields);
      } catch (error) {
        throw withFields(error, fields);
      }
    };
  return ((first: DownloadResult | DownloadHandler, request: DownloadRequest) =>
    typeof first === "function" ? around(first) : middleware(first, request)) as CrossOrigin;
}

/** Response fields that a script can't read unless they are named (https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name). */
const exposed = [
  "Content-Disposition",
  "Content-Range",
  "Accept-Ranges",
  "Content-Length",
  "ETag",
  "Content-Encoding",
  "Repr-Digest",
  "Content-Digest",
  "Retry-After",
];

/** Request fields that need a preflight, at least in some browsers. */
const allowed = [
  "Range",
  "If-Range",
  "If-Match",
  "If-None-Match",
  "If-Modified-Since",
  "If-Unmodified-Since",
  "Want-Repr-Digest",
  "Want-Content-Digest",
];

type Fields = Readonly<Record<string, string>>;

/** The options, checked, with the defaults. */
interface Rules {
  readonly isAny: boolean;
  allows(origin: string, request: DownloadRequest): boolean | Promise<boolean>;
  readonly resourcePolicy: string | undefined;
  /** For a page that may read the download, besides those that name its origin. */
  readonly readable: Fields;
  readonly timing: boolean;
  /** For a preflight. */
  readonly permitted: Fields;
}

function rulesOf(options: CrossOriginOptions): Rules {
  const { origins, credentials = false, methods = ["GET", "HEAD"], maxAge = 600, resourcePolicy } = checked(options);
  const withCredentials: Fields = credentials ? { "Access-Control-Allow-Credentials": "true" } : {};
  return {
    isAny: origins === "*",
    allows: allowing(origins),
    resourcePolicy,
    timing: options.timing ?? true,
    readable: {
      ...withCredentials,
      "Access-Control-Expose-Headers": names("exposedHeaders", [...exposed, ...(options.exposedHeaders ?? [])]),
    },
    permitted: {
      ...withCredentials,
      "Access-Control-Allow-Methods": names("methods", methods),
      "Access-Control-Allow-Headers": names("allowedHeaders", [...allowed, ...(options.allowedHeaders ?? [])]),
      "Access-Control-Max-Age": String(maxAge),
    },
  };
}

function allowing(origins: CrossOriginOptions["origins"]): Rules["allows"] {
  if (typeof origins === "function") return origins;
  if (origins === "*") return () => true;
  const listed = new Set(origins);
  return (origin) => listed.has(origin);
}

function checked(options: CrossOriginOptions): CrossOriginOptions {
  const { origins, credentials, maxAge = 600 } = options ?? {};
  if (origins !== "*" && typeof origins !== "function" && !Array.isArray(origins)) {
    throw new ImproperlyConfiguredError(
      'crossOrigin({ origins }) needs a list such as ["https://app.example.com"], a function, or "*"' +
        ` (got ${JSON.stringify(origins)})`,
    );
  }
  if (origins === "*" && credentials) {
    throw new ImproperlyConfiguredError(
      'crossOrigin({ origins: "*", credentials: true }) would let every site read what its visitor may: list the origins',
    );
  }
  const fault = Array.isArray(origins) ? (origins as unknown[]).find((origin) => !isOrigin(origin)) : undefined;
  if (fault !== undefined) {
    throw new ImproperlyConfiguredError(
      `origins must be origins as browsers send them, such as https://app.example.com, got ${JSON.stringify(fault)}`,
    );
  }
  if (!(Number.isSafeInteger(maxAge) && maxAge >= 0)) {
    throw new ImproperlyConfiguredError(`maxAge must be a whole number of seconds, 0 or more, got ${maxAge}`);
  }
  assertChoice(options.resourcePolicy, ["same-origin", "same-site", "cross-origin"], "crossOrigin(): resourcePolicy");
  return options;
}

/** Excludes `"null"`: any page can have that origin, in a sandboxed frame. Apps have their own schemes. */
function isOrigin(origin: unknown): boolean {
  if (typeof origin !== "string" || !URL.canParse(origin)) return false;
  if (origin.includes("*")) return false;
  const url = new URL(origin);
  return (
    url.origin === origin ||
    (url.origin === "null" && /^(?!data:|blob:|file:)[a-z][a-z\d+.-]*:\/\/[\w.-]+$/.test(origin))
  );
}

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

function names(option: string, list: readonly string[]): string {
  const fault = list.find((name) => !token.test(name) || name === "*");
  if (fault === undefined) return [...new Set(list)].join(", ");
  throw new ImproperlyConfiguredError(`crossOrigin(): ${option} must be names, got ${JSON.stringify(fault)}`);
}

async function fieldsFor(request: DownloadRequest, rules: Rules): Promise<Fields> {
  const origin = request.headers.get("origin");
  const isAllowed = rules.isAny || (origin !== null && (await rules.allows(origin, request)));
  const { resourcePolicy = isAllowed ? "cross-origin" : "same-site", isAny, readable, timing } = rules;
  const policy = { ...(isAny ? {} : { Vary: "Origin" }), "Cross-Origin-Resource-Policy": resourcePolicy };
  if (!isAllowed) return policy;
  const reader = isAny ? "*" : (origin ?? "");
  return {
    ...policy,
    "Access-Control-Allow-Origin": reader,
    ...readable,
    ...(timing && { "Timing-Allow-Origin": reader }),
  };
}

function isPreflight({ method, headers }: DownloadRequest): boolean {
  return (
    method === "OPTIONS" && headers.get("origin") !== null && headers.get("access-control-request-method") !== null
  );
}

async function preflightResponse(request: DownloadRequest, rules: Rules): Promise<Response> {
  const origin = request.headers.get("origin") ?? "";
  const varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
  if (!(await rules.allows(origin, request))) {
    debug(() => `403 for a preflight: the origin ${JSON.stringify(origin)} is not one that crossOrigin() allows`);
    throw new PermissionDeniedError("Forbidden", { cause: "another origin", headers: { Vary: varies } });
  }
  const headers = { Vary: varies, "Access-Control-Allow-Origin": rules.isAny ? "*" : origin, ...rules.permitted };
  return new Response(null, { status: 204, headers });
}

/** The fields about other origins. They replace fields of the same names that middleware has set. */
const ours =
  /^(?:access-control-(?:allow-(?:origin|credentials)|expose-headers)|cross-origin-resource-policy|timing-allow-origin)$/i;

function shared(result: DownloadResult, request: DownloadRequest, fields: Fields): DownloadResult {
  // The headers of a web Response may be immutable, as those of a fetched one are.
  const own = "kind" in result ? ownResponse(result, request) : changeableCopy(result, request);
  const { headers } = own;
  for (const name of namesOf(headers)) if (ours.test(name)) headers.delete(name);
  for (const [name, value] of Object.entries(fields)) {
    headers.set(name, name === "Vary" ? joinedVary(headers.get("Vary"), value) : value);
  }
  return own;
}

function namesOf(headers: Iterable<readonly [string, string]>): string[] {
  return Array.from(headers, ([name]) => name);
}

function joinedVary(present: string | null, name: string): string {
  if (present === null || present === "") return name;
  const listed = present.split(",").map((one) => one.trim().toLowerCase());
  return listed.includes("*") || listed.includes(name.toLowerCase()) ? present : `${present}, ${name}`;
}

/** Copies an error, with the fields, so that the page can read it. The original may be thrown for other requests too. */
function withFields(error: unknown, fields: Fields): unknown {
  if (!isDownloadError(error)) return error;
  const others = Object.entries(error.headers ?? {}).filter(([name]) => !ours.test(name));
  (error as { headers: Fields }).headers = { ...Object.fromEntries(others), ...fields };
  return error;
}

/** The same for an error that comes up while a response is rendered, with the fields that the response has. */
export function withCrossOriginFields(error: unknown, headers: Iterable<readonly [string, string]>): unknown {
  const fields = [...headers].filter(([name]) => ours.test(name));
  if (fields.length === 0) return error;
  const isForAny = fields.some(
    ([name, value]) => name.toLowerCase() === "access-control-allow-origin" && value === "*",
  );
  return withFields(error, { ...Object.fromEntries(fields), ...(isForAny ? {} : { Vary: "Origin" }) });
}
