/**
 * The parts of a URL that a signature covers, in a canonical spelling (RFC 3986 §6.2.2): upper-case hex digits, unreserved
 * characters decoded, characters that a URL may not contain encoded.
 *
 * Proxies and clients may change a URL in these ways. Any further change could turn it into another resource: `%2F` is not
 * `/`, and `%26` is not `&`. So reserved characters, and the order and number of the parameters, do not change.
 */
export interface URLParts {
  /** `https://host:8443`. Empty for a URL that begins with its path. */
  readonly origin: string;
  readonly path: string;
  /** Each `name=value` of the query, in order, without the empty ones. */
  readonly parameters: readonly string[];
  /** With its `#`. Clients do not send it. */
  readonly fragment: string;
}

// "//host/path" is a path here, as in a request line: a router reads it as a path.
const urlShape = /^(https?:\/\/[^/?#\\]+)?(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/is;
const halfCharacter = /\p{Surrogate}/u;

/** Parses an absolute http(s) URL, or one that begins with `/`. Returns undefined for any other string. */
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

/** @throws {URIError} for a lone surrogate */
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

/** Formats a parameter in the spelling of {@link URLParts}. */
export function formatParameter(name: string, value: string): string {
  return canonicalParameter(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
}

export function parameterName(parameter: string): string {
  return parameter.split("=", 1)[0] ?? "";
}

/** Returns the value, still encoded as in the URL. */
export function parameterValue(parameter: string): string {
  return parameter.slice(parameterName(parameter).length + 1);
}

/** Decodes percent-encoding. Returns undefined if the bytes are not UTF-8. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
