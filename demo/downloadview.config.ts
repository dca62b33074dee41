import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileSystemStorage, type OffloadRule } from "downloadview";
import { apache } from "downloadview/apache";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { lighttpd } from "downloadview/lighttpd";
import { nginx } from "downloadview/nginx";
import { seedsDir } from "./seed.ts";

/** Where the demo keeps its documents. */
export const dataDir: string = process.env.DATA_DIR ?? fileURLToPath(new URL(".data", import.meta.url));

const ourNginx = nginx({ headers: ["X-Test"] });

/** Which files a server in front of the demo sends. Without one, the demo sends all but those of `servers.ts` itself. */
export function demoConfig(dataDir: string, behindNginx: boolean): DownloadviewConfig {
  const backend = behindNginx ? ourNginx : "none";
  return defineConfig({
    storages: { documents: new FileSystemStorage(join(dataDir, "files")) },
    healthcheck: { url: "/healthcheck/", storage: "documents" },
    rules: [
      {
        sourceUrl: "/media/nginx/",
        destinationUrl: "/nginx-optimized-by-middleware/",
        destinationDir: seedsDir,
        backend: ourNginx,
      },
      { sourceUrl: "/media/apache/", destinationDir: "/apache-optimized-by-middleware/", backend: apache() },
      { sourceUrl: "/media/lighttpd/", destinationDir: "/lighttpd-optimized-by-middleware/", backend: lighttpd() },
      locationOnly("/nginx-optimized-by-decorator/"),
      locationOnly("/nginx-modified-headers/"),
      { sourceDir: join(dataDir, "files"), destinationUrl: "/_files/", backend },
      { sourceDir: seedsDir, destinationUrl: "/_seeds/", backend },
    ],
  });
}

/** Has nginx know a place to which only a view's own rule leads: no storage has this URL. */
function locationOnly(destinationUrl: string): OffloadRule {
  return { sourceUrl: destinationUrl, destinationUrl, destinationDir: seedsDir, backend: ourNginx };
}

/** For the command line: `npx downloadview config nginx --config demo/downloadview.config.ts`. */
export const config: DownloadviewConfig = demoConfig(dataDir, true);
