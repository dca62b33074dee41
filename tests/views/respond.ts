import type { DownloadHandler } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";

export interface Asked {
  method?: string;
  headers?: HeadersInit;
  params?: Readonly<Record<string, string | undefined>>;
}

/** What a client of `handler` gets, by way of the adapter that needs no server. */
export function respond(handler: DownloadHandler<Request>, asked: Asked = {}): Promise<Response> {
  const { params = {}, ...init } = asked;
  return toFetchHandler(handler)(new Request("http://localhost/", init), { params });
}
