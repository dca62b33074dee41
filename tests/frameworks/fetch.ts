import { withMiddleware, type DownloadHandler } from "downloadview";
import { toFetchHandler, type FetchHandler, type FetchHandlerOptions } from "downloadview/fetch";
import { dispatcher, offload, report, routes } from "./application.ts";

export interface FetchOptions extends FetchHandlerOptions {
  files<C>(options: { attachment: boolean }): DownloadHandler<C>;
  upstream: string;
}

/** The application for servers that call a fetch handler, and have no router. */
export function fetchHandler({ files, upstream, ...options }: FetchOptions): FetchHandler {
  const userOf = ({ headers }: Request): string | undefined => headers.get("X-User") ?? undefined;
  const send = { name: "send", handler: async () => report() };
  return toFetchHandler(withMiddleware(dispatcher([...routes({ files, userOf, upstream }), send]), offload), options);
}
