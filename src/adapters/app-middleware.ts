import { sharedWeakMap } from "../responses/shared-state.ts";
import {
  withMiddleware,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";
import type { MaybePromise } from "../responses/maybe-promise.ts";

/** The middleware that an application put around a request, by the object that stands for the request. */
const middlewareOf = sharedWeakMap<object, readonly DownloadMiddleware[]>("middleware");

/** Has every download that answers `scope` go through `middleware`, after that of whatever lies further inside. */
export function addMiddleware(scope: object, middleware: readonly DownloadMiddleware[]): void {
  middlewareOf.set(scope, [...middleware, ...(middlewareOf.get(scope) ?? [])]);
}

/** What the application's middleware makes of a result. */
export function throughMiddleware(
  result: MaybePromise<DownloadResult>,
  request: DownloadRequest,
  scope: object,
): MaybePromise<DownloadResult> {
  const middleware = middlewareOf.get(scope);
  if (!middleware) return result;
  return withMiddleware(async () => result, ...middleware)(request, { params: {}, native: undefined });
}
