import type { DownloadRequest, ViewContext } from "../responses/handler.ts";

/** The members that an adapter, or {@link setupView}, sets on a view. */
interface Configurable {
  setup?(request: DownloadRequest, context: Partial<ViewContext>): unknown;
}

/** The type of the framework's own request in the context of a view. */
export type NativeOf<V> = V extends { context: ViewContext<infer C> } ? C : unknown;

/** The parts of a request that the test is about. */
export interface PartialRequest {
  method?: string;
  url?: string | URL;
  headers?: HeadersInit;
  signal?: AbortSignal;
}

/**
 * Sets up a view as `asView()` does, and returns it, so that a test can call its methods one by one. Also for a class that is not
 * a `View` but has `request` and `params`.
 *
 * @param request the URL of a GET, as much of a request as the test is about, or a whole one
 * @param params the parameters of the route
 * @param native what `this.context.native` is: the framework's request or context, or a fake
 *
 * @example
 * ```ts
 * import { StorageDownloadView, MemoryStorage } from "downloadview";
 * import { setupView } from "downloadview/testing";
 *
 * class UpperCaseView extends StorageDownloadView {
 *   override async getPath() {
 *     return (await super.getPath())?.toUpperCase();
 *   }
 * }
 * const view = setupView(Object.assign(new UpperCaseView(), { storage: new MemoryStorage() }), "/dummy", {
 *   path: "dummy path",
 * });
 * console.assert((await view.getPath()) === "DUMMY PATH");
 * ```
 */
export function setupView<V extends object>(
  view: V,
  request: string | URL | PartialRequest | DownloadRequest = {},
  params: Readonly<Record<string, string | undefined>> = {},
  native?: NativeOf<V>,
): V {
  const context = { params, native };
  const configurable: Configurable = view;
  if (configurable.setup) configurable.setup(requestOf(request), context);
  else Object.assign(view, { request: requestOf(request), params, context });
  return view;
}

function requestOf(given: string | URL | PartialRequest | DownloadRequest): DownloadRequest {
  if (typeof given === "string" || given instanceof URL) return requestOf({ url: given });
  if (isWhole(given)) return given;
  const { method = "GET", url = "/", headers, signal } = given;
  return {
    method,
    url: String(new URL(url, "http://localhost/")),
    headers: new Headers(headers),
    ...(signal ? { signal } : {}),
  };
}

function isWhole(given: PartialRequest | DownloadRequest): given is DownloadRequest {
  const { method, url, headers } = given;
  return method !== undefined && typeof url === "string" && typeof (headers as Headers | undefined)?.get === "function";
}
