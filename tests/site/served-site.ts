import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

export interface ServedSite extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly origin: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Serves a built site as hosts of static sites do: `/a` is `a.html`, `/a/` is `a/index.html`. */
export async function serveSite(folder: string): Promise<ServedSite> {
  const server = createServer((request, response) => {
    const path = decodeURI(new URL(request.url ?? "/", "http://site.test").pathname);
    const name = path.endsWith("/") ? `${path}index.html` : extname(path) === "" ? `${path}.html` : path;
    readFile(join(folder, name)).then(
      (content) =>
        response
          .setHeader("Content-Type", types[extname(name)] ?? "text/plain")
          // The application is loaded once, as from a host of static sites.
          .setHeader("Cache-Control", name.startsWith("/assets/") ? "max-age=3600" : "no-cache")
          .end(content),
      () => response.writeHead(404).end(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
