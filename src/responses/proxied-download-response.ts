import type { DownloadFile } from "../files/download-file.ts";
import { isFramingField } from "../http/framing.ts";
import { isOffloadField } from "../http/offload-fields.ts";
import { HeaderFields, type HeaderFieldsInit } from "../http/header-fields.ts";
import { startDelivery, statusOf, type Delivery, type OnFinish } from "./delivery.ts";
import { refuseJSON } from "../serialization.ts";
import type { DownloadRequest } from "./handler.ts";
import type { RenderOptions } from "./render.ts";
import type { RenderedResponse } from "./rendered-response.ts";
import { announceTransfer, handedOverTransfer, type BeforeSend } from "./transfer.ts";

export interface ProxiedDownloadOptions {
  /** Default 200. */
  status?: number;
  headers?: HeaderFieldsInit;
  /** The file that a proxy, a CDN or a store will send. */
  file?: DownloadFile;
  onFinish?: OnFinish;
}

/**
 * A response without a body: its headers tell a proxy, a CDN or the client where the bytes are.
 *
 * @example
 * ```ts
 * import { ProxiedDownloadResponse } from "downloadview";
 *
 * const response = new ProxiedDownloadResponse({ status: 302, headers: { Location: "https://cdn.example/a.pdf" } });
 * const rendered = await response.render(new Request("http://localhost/"));
 * console.assert(rendered.status === 302 && rendered.body.kind === "none");
 * ```
 */
export class ProxiedDownloadResponse {
  readonly kind = "proxied";
  status: number;
  readonly headers: HeaderFields;
  readonly file: DownloadFile | undefined;
  onFinish: OnFinish | undefined;
  /** Called before another server is told to send the file. If it throws, the file is not handed over. */
  beforeSend: BeforeSend | undefined;

  constructor(options: ProxiedDownloadOptions = {}) {
    this.status = options.status ?? 200;
    this.headers = new HeaderFields(options.headers);
    this.file = options.file;
    this.onFinish = options.onFinish;
    this.beforeSend = undefined;
  }

  /** `options` are for subclasses that may have to read the file themselves. */
  async render(request: DownloadRequest, _options?: RenderOptions): Promise<RenderedResponse> {
    const delivery = startDelivery(request, this.file, this.onFinish);
    // Some servers send a file with an error status if they are told where it is.
    const refused = this.status >= 400;
    const headers = [...this.headers].filter(([name]) => !(refused && isOffloadField(name)) && !isOfBody(name)).flat();
    // No server sends a file for an error status, nor for a 304.
    if (this.status < 400 && this.status !== 304) {
      if (request.method !== "HEAD") await this.#announce(request, delivery);
      delivery.handOver();
    }
    return { status: this.status, headers, body: { kind: "none" }, delivery };
  }

  async #announce(request: DownloadRequest, delivery: Delivery): Promise<void> {
    try {
      // Only the name of the file is known.
      const kind = this.headers.has("Location") ? "redirected" : "handedOver";
      await announceTransfer(this.beforeSend, handedOverTransfer(request, {}, kind), delivery);
    } catch (error) {
      delivery.abort(statusOf(error), 0, error);
      throw error;
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "download");
  }
}

/** This response has no body: with a length or a framing of one, a client would take the next response for it. */
function isOfBody(name: string): boolean {
  return isFramingField(name) || name.toLowerCase() === "content-length";
}
