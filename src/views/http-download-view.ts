import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { upstreamOf, type RemoteLimits } from "../files/remote/http-file-options.ts";
import { HTTPFile } from "../files/remote/http-file.ts";
import { faultOf } from "../files/remote/policy.ts";
import { hideInLogs, withoutCredentials } from "../serialization.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";

/**
 * Serves a file that another server has: the client sees only this one. Nothing of the client's request is passed on
 * but the range it asks for.
 *
 * @example
 * ```ts
 * import { HTTPDownloadView } from "downloadview";
 *
 * class AvatarView extends HTTPDownloadView {
 *   override getUrl() {
 *     return `https://avatars.example/${encodeURIComponent(this.params.user ?? "")}.png`;
 *   }
 * }
 * console.assert(typeof AvatarView.asView({ attachment: false }) === "function");
 * ```
 */
export class HTTPDownloadView<C = unknown> extends BaseDownloadView<C> {
  /** The URL to serve. Required, unless `getUrl()` is overridden. */
  url: string | URL | undefined = undefined;
  /** Header fields for the other server, such as its credentials. Another origin that it redirects to gets none of them. */
  requestInit: RequestInit = {};

  /**
   * The only hosts that files may come from, such as `["files.example", "10.0.0.5:8080"]`, wherever they are. Unset: any
   * host on the public internet.
   */
  allowedHosts: readonly string[] | undefined = undefined;
  /** A file of more bytes is not served. Default: no limit. */
  maxBytes: number | undefined = undefined;
  /** Milliseconds until an answer must have begun. Default 30 000. */
  timeout: number | undefined = undefined;
  /** Milliseconds until there must be a connection. Default 10 000. */
  connectTimeout: number | undefined = undefined;
  /** Milliseconds within which the next piece of a body must come. Default 30 000. */
  idleTimeout: number | undefined = undefined;

  constructor() {
    super();
    hideInLogs(this, () => ({ url: this.url && withoutCredentials(this.url), requestInit: "[hidden]" }));
  }

  override checkConfiguration(): void {
    super.checkConfiguration();
    const { policy } = upstreamOf(String(this.url), this.#limits());
    if (this.url === undefined && answersByItself(this, HTTPDownloadView, "getUrl")) return;
    const fault = URL.canParse(this.url ?? "") ? faultOf(new URL(this.url ?? ""), policy) : "it is not absolute";
    if (fault === undefined) return;
    throw new ImproperlyConfiguredError(
      `${this.constructor.name} needs a URL that it may ask: asView({ url: "https://…" }), or override getUrl(). ` +
        `It can't be ${JSON.stringify(this.url)}: ${fault}`,
    );
  }

  getUrl(): string | URL | Promise<string | URL> {
    return this.url ?? "";
  }

  getRequestInit(): RequestInit | Promise<RequestInit> {
    return this.requestInit;
  }

  /** What sends the requests: see `HTTPFileOptions`. */
  getFetch(): typeof fetch | undefined {
    return undefined;
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    return new HTTPFile(await this.getUrl(), {
      requestInit: await this.getRequestInit(),
      fetch: this.getFetch(),
      ...this.#limits(),
    });
  }

  #limits(): RemoteLimits {
    const { allowedHosts, maxBytes, timeout, connectTimeout, idleTimeout } = this;
    return { allowedHosts, maxBytes, timeout, connectTimeout, idleTimeout };
  }
}
