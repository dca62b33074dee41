import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { upstreamOf, type RemoteLimits } from "../files/remote/http-file-options.ts";
import { HTTPFile } from "../files/remote/http-file.ts";
import { faultOf } from "../files/remote/policy.ts";
import { hideInLogs, withoutCredentials } from "../serialization.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";

/**
 * Serves a file of another server, which the client never contacts. Of the client's request, only the range is passed on.
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
 * const handler = AvatarView.asView({ attachment: false });
 * const request = new Request("http://localhost/avatars/ann");
 * const result = await handler(request, { params: { user: "ann" }, native: undefined });
 * console.assert("filename" in result && result.getFilename() === "ann.png");
 * ```
 */
export class HTTPDownloadView<C = unknown> extends BaseDownloadView<C> {
  /** The URL to serve. Required, unless `getUrl()` is overridden. */
  url: string | URL | undefined = undefined;
  /**
   * Options of the request to the other server, such as `headers` with credentials. If it redirects to another origin, they are
   * not sent there. Default: none.
   */
  requestInit: RequestInit = {};

  /**
   * The only hosts that files may come from, such as `["files.example", "10.0.0.5:8080"]`, in any network. Default: any host
   * on the public internet.
   */
  allowedHosts: readonly string[] | undefined = undefined;
  /** Maximum size of a file, in bytes: a larger one is not served. Default: no limit. */
  maxBytes: number | undefined = undefined;
  /** Milliseconds within which a response must begin. Default: 30 000. */
  timeout: number | undefined = undefined;
  /** Milliseconds within which the connection must be made. Default: 10 000. */
  connectTimeout: number | undefined = undefined;
  /** Milliseconds within which the next bytes of a body must arrive. Default: 30 000. */
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

  /** The `fetch` to send requests with, see `HTTPFileOptions`. */
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
