/**
 * A URL, cut into the parts that a signature covers, in the one spelling that all its harmless spellings share
 * (RFC 3986 §6.2.2): hex digits in capitals, unreserved characters bare, what may not stand in a URL encoded.
 *
 * A proxy or a client may respell a URL in these ways. Anything more would join two resources: `%2F` is no `/`, and
 * `%26` no `&`. So reserved characters stay as they are, and so do the order and the number of the parameters.
 */
export interface URLParts {
  /** `https://host:8443`, or nothing for a URL that begins with its path. */
  readonly origin: string;
  readonly path: string;
  /** Each `name=value` of the query, in order, without the empty ones. */
  readonly parameters: readonly string[];
  /** With its `#`. Clients keep it to themselves. */
  readonly fragment: string;
}

// "//host/path" is a path here: so it stands in a request line, and a router takes it for one.
const urlShape = /^(https?:\/\/[^/?#\\]+)?(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/is;
const halfCharacter = /\p{Surrogate}/u;

/** The parts of an absolute http(s) URL, or of one that begins with `/`. Nothing for any other string. */
export function parseUrl(url: string): URLParts | undefined {
  const [found, origin = "", path = "", query = "", fragment = ""] = urlShape.exec(url) ?? [];
  if (found === undefined || origin + path === "" || halfCharacter.test(url)) return undefined;
  const parameters = query.split("&").filter((parameter) => parameter !== "");
  return { origin, path: canonicalPath(path || "/"), parameters: parameters.map(canonicalParameter), fragment };
}

export function formatUrl({ origin, path, parameters, fragment }: URLParts): string {
  const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
  return origin + path + query + fragment;
}

const unreserved = /[A-Za-z0-9\-._~]/;
const notInPath = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu;
// Browsers encode the apostrophe of a query, but not that of a path (URL standard, special-query percent-encode set).
const notInQuery = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&()*+,;=:@/?]/gu;

/** @throws {URIError} for half a surrogate pair */
export function canonicalPath(path: string): string {
  return path.replace(notInPath, respell);
}

function canonicalParameter(parameter: string): string {
  return parameter.replace(notInQuery, respell);
}

function respell(found: string): string {
  if (found === "'") return "%27";
  if (found.length < 3) return encodeURIComponent(found);
  const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
  return unreserved.test(character) ? character : found.toUpperCase();
}

/** A parameter in the spelling of {@link URLParts}. */
export function formatParameter(name: string, value: string): string {
  return canonicalParameter(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
}

export function parameterName(parameter: string): string {
  return parameter.split("=", 1)[0] ?? "";
}

/** The value as it stands in the URL. */
export function parameterValue(parameter: string): string {
  return parameter.slice(parameterName(parameter).length + 1);
}

/** `text` without its percent-encoding. Nothing for what is no UTF-8. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
