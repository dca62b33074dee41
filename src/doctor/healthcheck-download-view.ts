import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { isProxiedDownloadResponse, type DownloadRequest, type DownloadResult } from "../responses/handler.ts";
import { brokenStream, largeFile, probeOf, receivedRequest } from "./probes.ts";
import { startDelivery } from "../responses/delivery.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { OffloadedDownloadResponse } from "../offload/offloaded-download-response.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { BaseDownloadView } from "../views/base-download-view.ts";

export const defaultFolder = "downloadview-healthcheck";

/**
 * Serves the files that the doctor downloads. Mount it at the URL of `healthcheck` in the configuration, with the rest of
 * the path as the parameter `path`, behind the middleware that the application's other downloads go through. It serves only
 * what the doctor has saved in the health check's folder of the storage, so it needs no permission.
 *
 * @example
 * ```ts
 * import { MemoryStorage, smartDownloadMiddleware, withMiddleware } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { defineConfig } from "downloadview/config";
 * import { HealthcheckDownloadView } from "downloadview/doctor";
 *
 * const media = new MemoryStorage();
 * const config = defineConfig({
 *   backend: "none",
 *   rules: [],
 *   storages: { media },
 *   healthcheck: { url: "/healthcheck/", storage: "media" },
 * });
 * // Mounted at /healthcheck/*path
 * const handler = withMiddleware(HealthcheckDownloadView.asView({ config }), smartDownloadMiddleware(config));
 *
 * // The doctor saves a file in its folder, and asks for it. Other files of the storage are not served.
 * await media.save("downloadview-healthcheck/1.txt", "1");
 * await media.save("secret.txt", "2");
 * const ask = (path: string) => toFetchHandler(handler)(new Request("http://localhost/"), { params: { path } });
 * console.assert((await ask("1.txt")).status === 200);
 * console.assert((await ask("../secret.txt")).status === 404);
 * ```
 */
export class HealthcheckDownloadView<C = unknown> extends BaseDownloadView<C> {
  config: DownloadviewConfig | undefined = undefined;
  /** The URL parameter with the name below the health check's folder. */
  pathParam = "path";
  /** Fields of every kind that a server might drop. */
  override headers: Record<string, string> = {
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
    Vary: "Cookie",
    "Set-Cookie": "downloadview-healthcheck=1; Max-Age=1; Path=/; HttpOnly; SameSite=Lax",
  };

  override checkConfiguration(): void {
    const { healthcheck, storages = {} } = this.config ?? {};
    if (healthcheck && storages[healthcheck.storage]) return;
    throw new ImproperlyConfiguredError(
      `${this.constructor.name} needs a config with a healthcheck: ` +
        'defineConfig({ …, storages: { media }, healthcheck: { url: "/healthcheck/", storage: "media" } })',
    );
  }

  override getFile(): DownloadFile {
    const { healthcheck, storages = {} } = this.config ?? {};
    const storage = storages[healthcheck?.storage ?? ""];
    const name = this.params[this.pathParam];
    if (!storage || !name) throw new FileNotFoundError();
    return new StorageFile(storage, `${healthcheck?.folder ?? defaultFolder}/${name}`);
  }

  override async get(): Promise<DownloadResult> {
    const probe = probeOf(this.request);
    if (probe === undefined) return this.renderToResponse();
    const file = this.getFile();
    if (probe === "refused") return new RefusedDownload(file, { status: 403 });
    // Only while the doctor's file is there: no other client learns or costs anything here.
    await file.stat();
    const { headers } = this;
    if (probe === "request") return this.#received();
    if (probe === "stream") return new DownloadResponse(brokenStream(this.request), { headers });
    if (probe === "large") return new DownloadResponse(largeFile(this.request), { headers });
    return this.#named(file, probe);
  }

  #received(): Response {
    const headers = { ...this.headers, "X-Content-Type-Options": "nosniff", ETag: '"downloadview-healthcheck"' };
    return Response.json(receivedRequest(this.request), { headers });
  }

  async #named(file: DownloadFile, probe: "careless" | "slash" | "missing"): Promise<DownloadResult> {
    const { config } = this;
    const result = config && (await handedOver(file, config, this.request));
    if (!result) throw new FileNotFoundError();
    const { header } = result.backend;
    const target = result.headers.get(header) ?? "";
    const rule = await capturingRule(file, config, this.request);
    const named =
      probe === "slash"
        ? withSlashAfter(rule?.destinationUrl ?? "", target)
        : probe === "missing"
          ? missingBeside(target)
          : target;
    const status = probe === "careless" ? 403 : 200;
    return new CarelessResponse({ status, headers: { [header]: named, "Content-Length": "0" } });
  }
}

/** Applies the rules to a file. Returns undefined if the application sends it. */
export async function handedOver(
  file: DownloadFile,
  config: DownloadviewConfig,
  request: DownloadRequest,
): Promise<OffloadedDownloadResponse | undefined> {
  const result = await smartDownloadMiddleware({ ...config, debug: () => undefined })(
    new DownloadResponse(file),
    request,
  );
  return isOffloaded(result) ? result : undefined;
}

/** Returns the first rule that captures a file. Another rule's prefix may be the same or shorter. */
export async function capturingRule(
  file: DownloadFile,
  config: DownloadviewConfig,
  request: DownloadRequest,
): Promise<OffloadRule | undefined> {
  for (const rule of config.rules) {
    if (await handedOver(file, { ...config, rules: [rule] }, request)) return rule;
  }
  return undefined;
}

/** `/_downloads/a.txt` as `/_downloads//a.txt`. */
function withSlashAfter(destination: string, target: string): string {
  const at = target.indexOf(destination);
  if (destination === "" || at === -1) return target;
  const end = at + destination.replace(/\/+$/, "").length;
  return `${target.slice(0, end)}/${target.slice(end)}`;
}

/** The name of a file in the same folder that does not exist. h2o's field has a query, which stays. */
function missingBeside(target: string): string {
  return target.replace(/(\?.*)?$/, (query) => `.missing${query}`);
}

// By its members: a configuration that the command line loaded may have brought its own copy of this package.
function isOffloaded(result: DownloadResult): result is OffloadedDownloadResponse {
  return isProxiedDownloadResponse(result) && "backend" in result && "source" in result;
}

/** Names a file with any status, as an application might that does not use this package. */
class CarelessResponse extends ProxiedDownloadResponse {
  override async render(request: DownloadRequest): Promise<RenderedResponse> {
    const { status, headers } = this;
    return { status, headers: headers.toRaw(), body: { kind: "none" }, delivery: startDelivery(request, undefined) };
  }
}

/** A refusal that still knows its file, so that a middleware that looks at the file alone would hand it over. */
class RefusedDownload extends DownloadResponse {
  override render(request: DownloadRequest): Promise<RenderedResponse> {
    const headers = ["Cache-Control", "no-store", "Content-Length", "0"];
    const delivery = startDelivery(request, this.file, this.onFinish);
    return Promise.resolve({ status: this.status, headers, body: { kind: "none" }, delivery });
  }
}
