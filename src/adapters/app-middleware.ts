import { sharedWeakMap } from "../responses/shared-state.ts";
import {
  withMiddleware,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";

/** The middleware that an application added, keyed by the object that stands for the request. */
const middlewareOf = sharedWeakMap<object, readonly DownloadMiddleware[]>("middleware");

/** Passes every download that answers `scope` through `middleware`, after middleware that was added later. */
export function addMiddleware(scope: object, middleware: readonly DownloadMiddleware[]): void {
  middlewareOf.set(scope, [...middleware, ...(middlewareOf.get(scope) ?? [])]);
}

/** Passes a result through the middleware of the application. */
export function throughMiddleware(
  result: DownloadResult | Promise<DownloadResult>,
  request: DownloadRequest,
  scope: object,
): DownloadResult | Promise<DownloadResult> {
  const middleware = middlewareOf.get(scope);
  if (!middleware) return result;
  return withMiddleware(async () => result, ...middleware)(request, { params: {}, native: undefined });
}
