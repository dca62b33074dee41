import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { isProxiedDownloadResponse, type DownloadRequest, type DownloadResult } from "../responses/handler.ts";
import { startDelivery } from "../responses/delivery.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { OffloadedDownloadResponse } from "../offload/offloaded-download-response.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { BaseDownloadView } from "../views/base-download-view.ts";

export const defaultFolder = "downloadview-healthcheck";

/** What else the doctor can ask the view for, by `?probe=`. */
export type Probe =
  /** The application refuses the file: whatever comes after the view must leave that as it is. */
  | "refused"
  /** An error that names the file all the same, as an application may that knows nothing of this package. */
  | "careless"
  /** The file by a URL with a second slash, which finds it where the first one got lost. */
  | "slash";

/**
 * What the doctor asks for. Mount it at the URL of `healthcheck` in the configuration, with the path below as the
 * parameter `path`, behind whatever middleware the application's other downloads go through. It serves what the doctor
 * put into the health check's folder of the storage, and nothing else: it needs no permission.
 *
 * @example
 * ```ts
 * import { MemoryStorage, smartDownloadMiddleware, withMiddleware } from "downloadview";
 * import { defineConfig } from "downloadview/config";
 * import { HealthcheckDownloadView } from "downloadview/doctor";
 *
 * const config = defineConfig({
 *   backend: "none",
 *   rules: [],
 *   storages: { media: new MemoryStorage() },
 *   healthcheck: { url: "/healthcheck/", storage: "media" },
 * });
 * // Mounted at /healthcheck/*path
 * const handler = withMiddleware(HealthcheckDownloadView.asView({ config }), smartDownloadMiddleware(config));
 * console.assert(typeof handler === "function");
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
    const probe = new URL(this.request.url, "http://localhost").searchParams.get("probe");
    if (probe === "refused") return new RefusedDownload(this.getFile(), { status: 403 });
    if (probe === "careless") return this.#named(403, "");
    if (probe === "slash") return this.#named(200, "/");
    return this.renderToResponse();
  }

  async #named(status: number, slash: string): Promise<DownloadResult> {
    const { config } = this;
    const file = this.getFile();
    // Only while the doctor has put it there: nobody else learns anything here.
    await file.stat();
    const result = config && (await handedOver(file, config, this.request));
    if (!result) throw new FileNotFoundError();
    const { header } = result.backend;
    const target = result.headers.get(header) ?? "";
    const rule = await capturingRule(file, config, this.request);
    const named = slash === "" ? target : withSlashAfter(rule?.destinationUrl ?? "", target);
    return new CarelessResponse({ status, headers: { [header]: named, "Content-Length": "0" } });
  }
}

/** What the rules make of a file: undefined where the application sends it. */
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

/** The rule that hands a file over: the first that captures it. Another's prefix may be the same or shorter. */
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

// By its members: a configuration that the command line loaded may have brought its own copy of this package.
function isOffloaded(result: DownloadResult): result is OffloadedDownloadResponse {
  return isProxiedDownloadResponse(result) && "backend" in result && "source" in result;
}

/** Names a file with whatever status, as an application might that does not use this package. */
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
