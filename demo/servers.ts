import {
  FileSystemStorage,
  StorageDownloadView,
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
} from "downloadview";
import * as apache from "downloadview/apache";
import * as lighttpd from "downloadview/lighttpd";
import * as nginx from "downloadview/nginx";
import { seedsDir } from "./seed.ts";

const path = "hello-world.txt";
const forNginx = new FileSystemStorage(seedsDir, { baseUrl: "/media/nginx/" });
const forApache = new FileSystemStorage(seedsDir, { baseUrl: "/media/apache/" });
const forLighttpd = new FileSystemStorage(seedsDir, { baseUrl: "/media/lighttpd/" });

/** Three ways to have a server send a file: by a rule for all views, by one for this view, and with a field of ours. */
export function serverViews(): Record<string, DownloadHandler> {
  return {
    "/nginx/optimized-by-middleware/": StorageDownloadView.asView({ storage: forNginx, path }),
    "/nginx/optimized-by-decorator/": nginx.xAccelRedirect(StorageDownloadView.asView({ storage: forNginx, path }), {
      sourceUrl: "/media/nginx/",
      destinationUrl: "/nginx-optimized-by-decorator/",
    }),
    "/nginx/modified_headers/": nginx.xAccelRedirect(
      withMiddleware(StorageDownloadView.asView({ storage: forNginx, path }), xTest),
      { sourceUrl: "/media/nginx/", destinationUrl: "/nginx-modified-headers/" },
    ),

    "/apache/optimized-by-middleware/": StorageDownloadView.asView({ storage: forApache, path }),
    "/apache/optimized-by-decorator/": apache.xSendfile(StorageDownloadView.asView({ storage: forApache, path }), {
      sourceUrl: "/media/apache/",
      destinationDir: "/apache-optimized-by-decorator/",
    }),
    "/apache/modified_headers/": apache.xSendfile(
      withMiddleware(StorageDownloadView.asView({ storage: forApache, path }), xTest),
      { sourceUrl: "/media/apache/", destinationDir: "/apache-modified-headers/" },
    ),

    "/lighttpd/optimized-by-middleware/": StorageDownloadView.asView({ storage: forLighttpd, path }),
    "/lighttpd/optimized-by-decorator/": lighttpd.xSendfile(
      StorageDownloadView.asView({ storage: forLighttpd, path }),
      { sourceUrl: "/media/lighttpd/", destinationDir: "/lighttpd-optimized-by-decorator/" },
    ),
    "/lighttpd/modified_headers/": lighttpd.xSendfile(
      withMiddleware(StorageDownloadView.asView({ storage: forLighttpd, path }), xTest),
      { sourceUrl: "/media/lighttpd/", destinationDir: "/lighttpd-modified-headers/" },
    ),
  };
}

const xTest: DownloadMiddleware = (response) => {
  response.headers.set("X-Test", "header");
  return response;
};
