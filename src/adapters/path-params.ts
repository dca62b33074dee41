import { rawUrlPath } from "../http/url-path.ts";

/**
 * The route parameter `path` for runtimes that have no router: the path of the URL, decoded, without its first slash.
 * @returns no parameter if the path is not validly encoded: the response is then a 404
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { PathDownloadView } from "downloadview";
 * import { pathParams, toNodeHandler } from "downloadview/node";
 *
 * const view = PathDownloadView.asView({ root: "/srv/documents" });
 * createServer(toNodeHandler(view, { params: pathParams })).listen(0).close();
 * console.assert(pathParams({ url: "/a%20b/%C3%A9.txt?x=1" }).path === "a b/é.txt");
 * ```
 */
export function pathParams({ url = "" }: { readonly url?: string | undefined }): { path?: string } {
  try {
    return { path: decodeURIComponent(rawUrlPath(url).replace(/^\//, "")) };
  } catch {
    return {};
  }
}
