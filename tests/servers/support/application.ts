import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express, { type Express, type RequestHandler } from "express";
import {
  DownloadResponse,
  FileNotFoundError,
  LocalFile,
  PathDownloadView,
  PermissionDeniedError,
  smartDownloadMiddleware,
  withMiddleware,
  type DownloadFile,
  type DownloadHandler,
  type DownloadMiddleware,
  type FileStat,
} from "downloadview";
import type { DownloadviewConfig } from "downloadview/config";
import { toExpressHandler } from "downloadview/express";

export interface Application extends AsyncDisposable {
  readonly url: string;
}

export async function serve(listener: Parameters<typeof createServer>[1]): Promise<Application> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A small application that serves the files of `root` in the ways that a server might get wrong. */
export function application(root: string, config: DownloadviewConfig): Express {
  const app = express();
  const offload = smartDownloadMiddleware(config);
  const files = (options: object, ...more: DownloadMiddleware[]): DownloadHandler =>
    withMiddleware(PathDownloadView.asView({ root, dotfiles: "allow", ...options }), ...more, offload);

  app.get("/files/*path", toExpressHandler(files({})));
  app.get("/inline/*path", toExpressHandler(files({ attachment: false })));
  app.get("/gzip/*path", toExpressHandler(files({ contentEncoding: "gzip" })));
  app.get("/compressed/*path", toExpressHandler(files({ precompressed: ["gzip"] })));
  app.get("/fields/*path", toExpressHandler(files({ headers: manyFields })));
  app.get("/tagged/*path", toExpressHandler(files({ headers: { ETag: '"of-the-application"' } })));
  app.get("/forbidden/*path", (_request, _response) => {
    throw new PermissionDeniedError();
  });
  // Another server's response, passed on: it says where the application's own files are.
  app.get("/relayed/:status", async (request, response, next) => {
    const [field, value] = JSON.parse(String(request.query["field"])) as [string, string];
    const status = Number(request.params["status"]);
    await toExpressHandler(
      withMiddleware(async () => new Response("relayed", { status, headers: { [field]: value } }), offload),
    )(request, response, next);
  });
  // A file as it was when the application looked, just before it was replaced or deleted.
  const before = (path: string, stat: FileStat): RequestHandler => {
    const file: DownloadFile = {
      name: path,
      path: join(root, path),
      stat: () => Promise.resolve(stat),
      open: () => Promise.reject(new FileNotFoundError()),
    };
    const headers = { "Cache-Control": "public, max-age=600", "Set-Cookie": "a=1" };
    return toExpressHandler(withMiddleware(async () => new DownloadResponse(file, { headers }), offload));
  };
  app.get("/gone", before("gone.txt", { size: 10, etag: '"6553f100-a"' }));
  app.get("/replaced", before("plain.txt", { size: 10, etag: '"5553f100-a"' }));
  // A name that does not come out of the path of a URL, where a backslash is refused.
  const named: DownloadHandler = async ({ url }) =>
    new DownloadResponse(new LocalFile(new URL(url, "http://localhost").searchParams.get("name") ?? "", { root }));
  app.get("/named", toExpressHandler(withMiddleware(named, offload)));
  app.get("/host", (request, response) => void response.send(request.headers.host));
  // What a later part of the application refuses.
  app.get("/revoked/:status/*path", async (request, response, next) => {
    const handler: DownloadHandler = async (...args) => {
      const result = await files({})(...args);
      if (!(result instanceof Response)) result.status = Number(request.params["status"]);
      return result;
    };
    await toExpressHandler(handler)(request, response, next);
  });
  // An application that does not use this package, and names a file with an error.
  app.get("/careless/:status", (request, response) => {
    const [field, value] = JSON.parse(String(request.query["field"])) as [string, string];
    response.status(Number(request.params["status"])).set(field, value).send("refused");
  });
  return app;
}

export const manyFields: Record<string, string | string[]> = {
  "Content-Security-Policy": "default-src 'none'",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "private, max-age=60",
  Expires: "Tue, 01 Jan 2030 00:00:00 GMT",
  Vary: "Accept-Encoding, Cookie",
  "Content-Language": "de",
  Link: ['</a>; rel="next"', '</b>; rel="prev"'],
  "X-Robots-Tag": "noindex",
  "X-Test": 'it\'s 100% "quoted"; é=\u00e9&+',
  "Set-Cookie": ["a=1; Path=/; HttpOnly", "b=2; Path=/"],
};
