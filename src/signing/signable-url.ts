import { InvalidPathError } from "../errors.ts";
import { reservedParameters } from "./signed-parameters.ts";
import { parameterName, parseUrl, type URLParts } from "./url-parts.ts";

/**
 * The parts of a URL that a request can ask for as it is.
 * @throws {InvalidPathError} for any other, with the reason in its `cause`
 */
export function signableUrl(url: string): URLParts {
  const parts = typeof url === "string" ? parseUrl(url) : undefined;
  if (parts === undefined) throw unsignable("is no http or https URL, and does not begin with a slash");
  const fault = faultOf(url, parts);
  if (fault !== undefined) throw unsignable(fault);
  return parts;
}

function faultOf(url: string, { origin, path, parameters }: URLParts): string | undefined {
  if (/[\0-\x1f\x7f]|%00/.test(url)) return "holds a control character";
  if (origin !== "" && !URL.canParse(origin)) return "names no valid host";
  if (origin === "" && /^\/[/\\]/.test(url)) return "begins with two slashes, which a client takes for a host";
  // A client resolves them before it asks (RFC 3986 §5.2.4), and asks for something else than was signed.
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return "has a dot segment";
  const reserved = parameters.map(parameterName).find((name) => reservedParameters.has(name));
  return reserved === undefined ? undefined : `has the parameter ${reserved}, which only a signer adds`;
}

export function unsignable(fault: string): InvalidPathError {
  return new InvalidPathError("This URL can't be signed", { cause: new Error(`It ${fault}`) });
}
