import { ImproperlyConfiguredError } from "../errors.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { DownloadRequest, DownloadResult } from "./handler.ts";

type Changeable = Exclude<DownloadResult, Response>;

interface Owned {
  readonly request: object;
  /** The properties before anything was added for a request. Undefined for a copy, which belongs to its request. */
  readonly before?: PropertyDescriptorMap;
}

const responses = new WeakMap<object, Owned>();

/** Makes copies of responses of exactly this class, with their private fields. By prototype. */
const copiers = new WeakMap<object, (response: never) => object>();

/** Says how instances of a class are copied. Those of its subclasses may have private fields that only they know. */
export function copiedBy<R extends object>(prototype: R, copy: (response: R) => R): void {
  copiers.set(prototype, copy);
}

/**
 * Returns a response that belongs to this request alone: what is added to it, such as a cookie, a filename or a limit, must not
 * apply to the other requests for which the handler returns the same object. The first of several wrappers copies it. An instance
 * of a subclass is changed itself, and copied as it was if it is returned for another request.
 *
 * @throws {ImproperlyConfiguredError} for a proxied response of another request, which can't be copied
 */
export function ownResponse<R extends Changeable>(response: R, request: DownloadRequest): R {
  const asked = originalOf(request);
  const owned = responses.get(response);
  if (owned?.request === asked) return response;
  const prototype = Object.getPrototypeOf(response) as object;
  const copyOf = copiers.get(prototype) as ((response: R) => R) | undefined;
  if (copyOf) return keep(copyOf(response), { request: asked });
  if (owned === undefined) return keep(response, { request: asked, before: propertiesOf(response) });
  if (response.kind === "proxied") {
    throw new ImproperlyConfiguredError(
      "The handler returned one response for two requests. Create one for each request",
    );
  }
  const copy = Object.create(prototype, owned.before ?? propertiesOf(response)) as R;
  // Once more: the properties are copied again for the next request.
  return keep(Object.defineProperty(copy, "headers", valueOf(new HeaderFields(copy.headers))), { request: asked });
}

function keep<R extends object>(response: R, owned: Owned): R {
  responses.set(response, owned);
  return response;
}

function propertiesOf(response: Changeable): PropertyDescriptorMap {
  return {
    ...Object.getOwnPropertyDescriptors(response),
    headers: valueOf(new HeaderFields(response.headers)),
    // The getter reads a private field, which the copy does not have.
    ...("hooks" in response ? { hooks: { value: response.hooks } } : {}),
  };
}

function valueOf(value: unknown): PropertyDescriptor {
  return { value, enumerable: true, configurable: true };
}

const originals = new WeakMap<object, object>();

/** Tells that `request` stands for `original`, as one without its grant does: their response is of one request. */
export function derivedFrom<R extends DownloadRequest>(request: R, original: DownloadRequest): R {
  originals.set(request, originalOf(original));
  return request;
}

function originalOf(request: DownloadRequest): object {
  return originals.get(request) ?? request;
}
