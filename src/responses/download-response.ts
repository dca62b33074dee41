import type { DownloadFile, FileStat } from "../files/download-file.ts";
import type { Representation } from "../http/decide.ts";
import type { FileNotFoundError } from "../errors.ts";
import { asFilename } from "../http/content-disposition.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { charsetOf } from "../http/media-type.ts";
import { refuseJSON } from "../serialization.ts";
import type { DownloadRequest } from "./handler.ts";
import { copiedBy } from "./own-response.ts";
import { PresentedResponse, type DownloadOptions } from "./presentation.ts";
import { renderDownload, renderRefusal, type RenderOptions } from "./render.ts";
import type { RenderedResponse, SlowReaders } from "./rendered-response.ts";
import { codingOf, dispositionOf, typeOf } from "./representation.ts";
import type { BeforeSend } from "./transfer.ts";

/** The methods of the view that a response calls while it is rendered. */
export interface DownloadHooks {
  /** Whether `file` changed after `since`. `representation` is what the client would be sent. */
  wasModifiedSince?(file: DownloadFile, since: Date, representation: Representation): boolean | Promise<boolean>;
  /** Responds to a matching precondition. Undefined: the standard 304 with these headers. */
  notModifiedResponse?(headers: HeaderFields): Response | undefined | Promise<Response | undefined>;
  /** Responds for a missing file, or throws. */
  fileNotFoundResponse?(error: FileNotFoundError): Response | Promise<Response>;
}

/**
 * A lazy response: it carries a file and how to present it, and reads nothing until it is rendered. Until then any
 * middleware may look at it, change its fields, swap its file, or return another response.
 *
 * @example
 * ```ts
 * import { DownloadResponse, VirtualFile } from "downloadview";
 *
 * const response = new DownloadResponse(new VirtualFile("a,b\n1,2\n", { name: "table.csv" }));
 * response.filename = "report.csv";
 * const rendered = await response.render(new Request("http://localhost/"));
 * console.assert(rendered.status === 200);
 * console.assert(rendered.headers.includes('attachment; filename="report.csv"'));
 * ```
 */
export class DownloadResponse extends PresentedResponse {
  readonly kind = "download";
  file: DownloadFile;
  readonly #hooks: DownloadHooks;
  /** Called once the response is certain to carry bytes, before the first of them. If it throws, nothing is sent. */
  beforeSend: BeforeSend | undefined = undefined;
  /**
   * Returns how many bytes a second this response may have now, of a rate that others share. Asked about ten times a second.
   * {@link limitRate} applies as well. Default undefined: no such limit.
   */
  pace: (() => number) | undefined = undefined;
  /** Returns the id under which the server that sends the file writes to its log how that ends. Default undefined: none. */
  deliveryId: (() => Promise<string | undefined>) | undefined = undefined;
  /** Ends the download of a client that reads too slowly. Default undefined: the application waits. */
  slowReaders: SlowReaders | undefined = undefined;
  #madeWith: number;

  static {
    copiedBy(DownloadResponse.prototype, (response) => {
      const copy = new DownloadResponse(response.file, {}, response.#hooks);
      copy.#madeWith = response.#madeWith;
      return Object.assign(copy, response, { headers: new HeaderFields(response.headers) });
    });
  }

  /** @throws {ImproperlyConfiguredError} for an option with a value that it cannot have */
  constructor(file: DownloadFile, options: DownloadOptions = {}, hooks: DownloadHooks = {}) {
    super(options);
    this.file = file;
    this.#madeWith = this.status;
    this.#hooks = hooks;
  }

  /** The view that this response came from. It is not shown in logs: it has the request, and so its cookies. */
  get hooks(): DownloadHooks {
    return this.#hooks;
  }

  /** The name that the client sees. */
  getFilename(): string {
    return this.filename ? asFilename(this.filename) : (this.file.name.split("/").pop() ?? "");
  }

  /**
   * `Content-Type`, with its charset. It opens nothing: pass the file's description if what the file knows should count.
   * @param stat what `await response.file.stat()` returned
   */
  getContentType(stat: FileStat = {}): string {
    return typeOf(this, stat);
  }

  /** The charset in {@link getContentType}, or undefined if it has none. */
  getCharset(stat: FileStat = {}): string | undefined {
    return charsetOf(typeOf(this, stat));
  }

  /**
   * `Content-Encoding`, or undefined if there is none.
   * @param stat what `await response.file.stat()` returned
   */
  getContentEncoding(stat: FileStat = {}): string | undefined {
    return codingOf(this, stat);
  }

  /**
   * `Content-Disposition`: whether the file is saved or shown depends on its type, where {@link inlineTypes} or
   * {@link activeContent} say so.
   * @param stat what `await response.file.stat()` returned
   */
  getContentDisposition(stat: FileStat = {}): string {
    return dispositionOf(this, typeOf(this, stat));
  }

  /**
   * Opens or describes the file, once, and decides what this request gets.
   * @throws {DownloadError} what the file throws before its first byte
   */
  render(request: DownloadRequest, options?: RenderOptions): Promise<RenderedResponse> {
    // A copy that middleware made with Object.create() has no private fields: it is refused rather than sent.
    const madeWith = #madeWith in this ? this.#madeWith : 200;
    const isRefused = this.status >= 400 && this.status !== madeWith;
    return isRefused ? renderRefusal(this, request) : renderDownload(this, request, options);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "download");
  }
}
