/** Compiled, never run: what the types of rules and servers promise, and refuse. */
import { MemoryStorage, PathDownloadView, smartDownloadMiddleware, type DownloadMiddleware } from "downloadview";
import type { OffloadBackend } from "downloadview/offload";
import { apache, xSendfile, XSendfileResponse } from "downloadview/apache";
import { defineConfig, serverConfiguration } from "downloadview/config";
import { HealthcheckDownloadView } from "downloadview/doctor";
import { nginx, xAccelRedirect, XAccelRedirectResponse } from "downloadview/nginx";

const handler = PathDownloadView.asView({ path: "/srv/media/a.pdf" });

export function rulesHaveTheirFields(): void {
  const rules = [{ sourceDir: "/a", destinationUrl: "/_a/", limitRate: false, expires: new Date() }] as const;
  smartDownloadMiddleware({ backend: nginx(), rules }) satisfies DownloadMiddleware;
  // @ts-expect-error: written as in Python
  smartDownloadMiddleware({ backend: nginx(), rules: [{ source_dir: "/a", destinationUrl: "/_a/" }] });
  // @ts-expect-error: the factory, not what it makes
  smartDownloadMiddleware({ backend: nginx, rules: [] });
  // @ts-expect-error: a name is no backend
  smartDownloadMiddleware({ backend: "nginx", rules: [] });
}

export function decoratorsTakeOneRule(): void {
  xAccelRedirect(handler, { sourceDir: "/a", destinationUrl: "/_a/", headers: ["X-Test"] }) satisfies typeof handler;
  xSendfile(handler, { sourceDir: "/a", destinationDir: "/a" }) satisfies typeof handler;
  // @ts-expect-error: the backend is the decorator's
  xAccelRedirect(handler, { sourceDir: "/a", destinationUrl: "/_a/", backend: apache() });
}

export function responsesNameAFile(): void {
  new XAccelRedirectResponse({ redirectUrl: "/_a/b", attachment: false, expires: 60 });
  new XSendfileResponse({ filePath: "/a/b" });
  // @ts-expect-error: nothing to send
  new XAccelRedirectResponse({ filename: "b" });
  // @ts-expect-error: a status other than 200 is never offloaded
  new XAccelRedirectResponse({ redirectUrl: "/_a/b", status: 206 });
}

export function aConfigurationKeepsItsTypes(): void {
  const config = defineConfig({
    backend: nginx(),
    rules: [{ sourceDir: "/a", destinationUrl: "/_a/" }],
    storages: { media: new MemoryStorage() },
    healthcheck: { url: "/healthcheck/", storage: "media" },
  });
  config.backend satisfies OffloadBackend;
  config.storages.media satisfies MemoryStorage;
  serverConfiguration("nginx", config, { listen: 8080 });
  // @ts-expect-error: not one that is known
  serverConfiguration("iis", config);
  HealthcheckDownloadView.asView({ config });
}
