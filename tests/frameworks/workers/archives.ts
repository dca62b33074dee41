import { toFetchHandler } from "downloadview/fetch";
import { archives } from "../archives.ts";

export default {
  fetch: (request: Request, { UPSTREAM: upstream }: { UPSTREAM: string }): Promise<Response> =>
    toFetchHandler(archives(upstream))(request),
};
