import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadRequest } from "../responses/handler.ts";

/** Header fields or parameters of an event, by name. */
export type LambdaFields = Readonly<Record<string, string | undefined>>;
/** The same, with all values of each. */
export type LambdaMultiFields = Readonly<Record<string, readonly string[] | undefined>>;

/** An event of API Gateway (REST and HTTP APIs), of a function URL, or of an Application Load Balancer. */
export interface LambdaEvent {
  /** `"2.0"` of HTTP APIs and function URLs. */
  readonly version?: string;
  readonly rawPath?: string;
  readonly rawQueryString?: string;
  readonly cookies?: readonly string[];
  /** Of REST APIs and load balancers. */
  readonly httpMethod?: string;
  readonly path?: string;
  readonly headers?: LambdaFields | null;
  readonly multiValueHeaders?: LambdaMultiFields | null;
  readonly queryStringParameters?: LambdaFields | null;
  readonly multiValueQueryStringParameters?: LambdaMultiFields | null;
  readonly pathParameters?: LambdaFields | null;
  readonly requestContext?: {
    readonly http?: { readonly method?: string; readonly sourceIp?: string };
    readonly identity?: { readonly sourceIp?: string };
    readonly elb?: object;
  };
}

/**
 * Returns the request that an event is about.
 * @throws {ImproperlyConfiguredError} for an event that is of no HTTP request, such as one of a queue
 */
export function requestOf(event: LambdaEvent): DownloadRequest {
  const method = isVersion2(event) ? event.requestContext?.http?.method : event?.httpMethod;
  const path = isVersion2(event) ? event.rawPath : event?.path;
  if (typeof method !== "string" || typeof path !== "string") {
    throw new ImproperlyConfiguredError(
      "The event is of no HTTP request: it must be of API Gateway, of a function URL or of a load balancer",
    );
  }
  const headers = fieldsOf(event);
  const query = isVersion2(event) ? (event.rawQueryString ?? "") : queryOf(event);
  const host = headers.get("host") ?? "localhost";
  return { method, url: `https://${host}${encoded(path)}${query === "" ? "" : `?${query}`}`, headers };
}

/** Whether the event is of an HTTP API or a function URL. */
export function isVersion2({ version }: LambdaEvent): boolean {
  return version === "2.0";
}

/** Whether the event is of an Application Load Balancer. */
export function isFromBalancer({ requestContext }: LambdaEvent): boolean {
  return requestContext?.elb !== undefined;
}

function fieldsOf({ headers, multiValueHeaders, cookies }: LambdaEvent): DownloadRequest["headers"] {
  const fields = new Map<string, string>();
  // REST APIs have all values in the one and the last in the other.
  for (const [name, values] of entriesOf(multiValueHeaders, headers)) {
    const key = name.toLowerCase();
    fields.set(key, values.join(key === "cookie" ? "; " : ", "));
  }
  if (cookies && cookies.length > 0) fields.set("cookie", cookies.join("; "));
  return { get: (name) => fields.get(name.toLowerCase()) ?? null };
}

/** Names with all their values, of which an event has the one form or the other. */
function entriesOf(
  many: LambdaMultiFields | null | undefined,
  single: LambdaFields | null | undefined,
): readonly (readonly [name: string, values: readonly string[]])[] {
  if (many) return Object.entries(many).map(([name, values = []]) => [name, values] as const);
  return Object.entries(single ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, [value]] as const],
  );
}

/** REST APIs decode the query, load balancers do not. */
function queryOf(event: LambdaEvent): string {
  const encode = isFromBalancer(event) ? String : encodeURIComponent;
  return entriesOf(event.multiValueQueryStringParameters, event.queryStringParameters)
    .flatMap(([name, values]) => values.map((value) => `${encode(name)}=${encode(value)}`))
    .join("&");
}

/** A path as it stands in a URL. HTTP APIs decode it. */
function encoded(path: string): string {
  return path.replaceAll(/%(?![0-9a-f]{2})|[^\x21-\x7e]+|["#<>?\\^`{|}]/gi, (text) => encodeURIComponent(text));
}
