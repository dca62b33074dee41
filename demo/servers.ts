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
const nginxMedia = new FileSystemStorage(seedsDir, { baseUrl: "/media/nginx/" });
const apacheMedia = new FileSystemStorage(seedsDir, { baseUrl: "/media/apache/" });
const lighttpdMedia = new FileSystemStorage(seedsDir, { baseUrl: "/media/lighttpd/" });

/** Three ways to have a server send a file: by a rule for all views, by one for this view, and with a field of ours. */
export function serverViews(): Record<string, DownloadHandler> {
  return {
    "/nginx/optimized-by-middleware/": StorageDownloadView.asView({ storage: nginxMedia, path }),
    "/nginx/optimized-by-decorator/": nginx.xAccelRedirect(StorageDownloadView.asView({ storage: nginxMedia, path }), {
      sourceUrl: "/media/nginx/",
      destinationUrl: "/nginx-optimized-by-decorator/",
    }),
    "/nginx/modified_headers/": nginx.xAccelRedirect(
      withMiddleware(StorageDownloadView.asView({ storage: nginxMedia, path }), setTestField),
      { sourceUrl: "/media/nginx/", destinationUrl: "/nginx-modified-headers/" },
    ),

    "/apache/optimized-by-middleware/": StorageDownloadView.asView({ storage: apacheMedia, path }),
    "/apache/optimized-by-decorator/": apache.xSendfile(StorageDownloadView.asView({ storage: apacheMedia, path }), {
      sourceUrl: "/media/apache/",
      destinationDir: "/apache-optimized-by-decorator/",
    }),
    "/apache/modified_headers/": apache.xSendfile(
      withMiddleware(StorageDownloadView.asView({ storage: apacheMedia, path }), setTestField),
      { sourceUrl: "/media/apache/", destinationDir: "/apache-modified-headers/" },
    ),

    "/lighttpd/optimized-by-middleware/": StorageDownloadView.asView({ storage: lighttpdMedia, path }),
    "/lighttpd/optimized-by-decorator/": lighttpd.xSendfile(
      StorageDownloadView.asView({ storage: lighttpdMedia, path }),
      { sourceUrl: "/media/lighttpd/", destinationDir: "/lighttpd-optimized-by-decorator/" },
    ),
    "/lighttpd/modified_headers/": lighttpd.xSendfile(
      withMiddleware(StorageDownloadView.asView({ storage: lighttpdMedia, path }), setTestField),
      { sourceUrl: "/media/lighttpd/", destinationDir: "/lighttpd-modified-headers/" },
    ),
  };
}

const setTestField: DownloadMiddleware = (response) => {
  response.headers.set("X-Test", "header");
  return response;
};
