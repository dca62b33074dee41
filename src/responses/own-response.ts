import { ImproperlyConfiguredError } from "../errors.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { OnFinish } from "./delivery.ts";
import type { DownloadRequest, DownloadResult } from "./handler.ts";
import type { BeforeSend } from "./transfer.ts";

interface Watched {
  readonly request: DownloadRequest;
  readonly onFinish: OnFinish | undefined;
  readonly beforeSend: BeforeSend | undefined;
}

const responses = new WeakMap<object, Watched>();

/**
 * Returns the response, or a copy if the handler returned it for another request: what is added to it for one request would
 * apply to all of them.
 * @throws {ImproperlyConfiguredError} for a proxied response of another request, which can't be copied
 */
export function ownResponse<R extends Exclude<DownloadResult, Response>>(response: R, request: DownloadRequest): R {
  const before = responses.get(response);
  if (before === undefined) {
    responses.set(response, { request, onFinish: response.onFinish, beforeSend: response.beforeSend });
    return response;
  }
  // Wrapped twice: a limit for each link within one for each user.
  if (before.request === request) return response;
  if (response.kind === "proxied") {
    throw new ImproperlyConfiguredError(
      "The handler returned one response for two requests. Create one for each request",
    );
  }
  const copy = Object.create(Object.getPrototypeOf(response), {
    ...Object.getOwnPropertyDescriptors(response),
    headers: { value: new HeaderFields(response.headers), enumerable: true },
    // The getter reads a private field, which the copy does not have.
    ...("hooks" in response ? { hooks: { value: response.hooks } } : {}),
  }) as R;
  return Object.assign(copy, { onFinish: before.onFinish, beforeSend: before.beforeSend });
}
