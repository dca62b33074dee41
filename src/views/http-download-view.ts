import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { HTTPFile } from "../files/http-file.ts";
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
  /** The URL to serve. */
  url: string | URL | undefined = undefined;
  /** Passed to `fetch`: headers for the other server, such as its credentials. */
  requestInit: RequestInit = {};

  override checkConfiguration(): void {
    const answered =
      this.url === undefined ? answersByItself(this, HTTPDownloadView, "getUrl") : URL.canParse(this.url);
    if (!answered) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} needs an absolute URL: asView({ url: "https://…" }), or override getUrl()`,
      );
    }
  }

  getUrl(): string | URL | Promise<string | URL> {
    return this.url ?? "";
  }

  getRequestInit(): RequestInit | Promise<RequestInit> {
    return this.requestInit;
  }

  /** The function that makes the request. */
  getFetch(): typeof fetch {
    return fetch;
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    return new HTTPFile(await this.getUrl(), {
      requestInit: await this.getRequestInit(),
      fetch: this.getFetch(),
    });
  }
}
