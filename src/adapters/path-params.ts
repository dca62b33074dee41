/**
 * The route parameter `path` for runtimes that have no router: the path of the URL, decoded, without its first slash.
 * A path that is not validly encoded gives none, so that nothing is found under it.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { PathDownloadView } from "downloadview";
 * import { pathParams, toNodeHandler } from "downloadview/node";
 *
 * const view = PathDownloadView.asView({ root: "/srv/documents" });
 * const server = createServer(toNodeHandler(view, { params: pathParams }));
 * console.assert(typeof server.listen === "function");
 * console.assert(pathParams({ url: "/a%20b/%C3%A9.txt?x=1" }).path === "a b/é.txt");
 * ```
 */
export function pathParams({ url = "" }: { readonly url?: string | undefined }): { path?: string } {
  try {
    return { path: decodeURIComponent(rawPath(url)) };
  } catch {
    return {};
  }
}

/** What stands between the origin, if there is one (RFC 9112 §3.2.2), and the query. */
function rawPath(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replace(/^(?:[a-z][a-z0-9+.-]*:\/\/[^/]*)?\//i, "");
}
