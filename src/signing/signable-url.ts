import { InvalidPathError } from "../errors.ts";
import { reservedParameters } from "./signed-parameters.ts";
import { parameterName, parseUrl, type URLParts } from "./url-parts.ts";

/**
 * Parses a URL that clients request unchanged.
 * @throws {InvalidPathError} for any other URL, with the reason in its `cause`
 */
export function signableUrl(url: string): URLParts {
  const parts = typeof url === "string" ? parseUrl(url) : undefined;
  if (parts === undefined) throw unsignable("is not an http or https URL, and does not begin with a slash");
  const fault = faultOf(url, parts);
  if (fault !== undefined) throw unsignable(fault);
  return parts;
}

function faultOf(url: string, { origin, path, parameters }: URLParts): string | undefined {
  if (/[\0-\x1f\x7f]|%00/.test(url)) return "holds a control character";
  if (origin !== "" && !URL.canParse(origin)) return "has an invalid host";
  if (origin === "" && /^\/[/\\]/.test(url)) return "begins with two slashes, which a client takes for a host";
  // A client resolves dot segments before the request (RFC 3986 §5.2.4), so it would request another URL than was signed.
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return "has a dot segment";
  const reserved = parameters.map(parameterName).find((name) => reservedParameters.has(name));
  return reserved === undefined ? undefined : `has the parameter ${reserved}, which only the signer may add`;
}

export function unsignable(fault: string): InvalidPathError {
  return new InvalidPathError("This URL can't be signed", { cause: new Error(`It ${fault}`) });
}
