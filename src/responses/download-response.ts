import type { DownloadFile } from "../files/download-file.ts";
import type { Representation } from "../http/decide.ts";
import type { FileNotFoundError } from "../errors.ts";
import { asFilename } from "../http/content-disposition.ts";
import { HeaderFields, type HeaderFieldsInit } from "../http/header-fields.ts";
import { refuseJSON } from "../serialization.ts";
import type { OnFinish } from "./delivery.ts";
import type { DownloadRequest } from "./handler.ts";
import { renderDownload, renderRefusal, type RenderOptions } from "./render.ts";
import type { RenderedResponse } from "./rendered-response.ts";
import type { BeforeSend } from "./transfer.ts";

/**
 * What to do with content that a browser may run (HTML, SVG, XML, …) when it is served inline: `"sandbox"` adds a
 * Content-Security-Policy under which nothing runs, `"attachment"` has it saved instead, `"allow"` trusts it.
 */
export type ActiveContentPolicy = "sandbox" | "attachment" | "allow";

/** The decisions that a response leaves to the view it came from, made while it is rendered. */
export interface DownloadHooks {
  /** Whether `file` changed after `since`. `representation` is what the client would be sent. */
  wasModifiedSince?(file: DownloadFile, since: Date, representation: Representation): boolean | Promise<boolean>;
  /** Answers a matching precondition. `undefined` is the standard 304 with these headers. */
  notModifiedResponse?(headers: HeaderFields): Response | undefined | Promise<Response | undefined>;
  /** Answers for a file that is not there, or throws. */
  fileNotFoundResponse?(error: FileNotFoundError): Response | Promise<Response>;
}

/** How to present a file. Every option has a default that is right for a private document. */
export interface DownloadOptions {
  /** Whether the client is to save the file (`attachment`, the default) or may show it (`inline`). */
  attachment?: boolean | undefined;
  /** The name that the client sees; a `/` in it becomes `_`. Default: the last segment of the file's name. */
  filename?: string | undefined;
  /** The media type. Default: what the file knows, else by the name's extension. */
  contentType?: string | undefined;
  /** The charset of a text. Default `utf-8`; `false` says nothing about it. */
  charset?: string | false | undefined;
  /** The content coding that the bytes really are in, such as `gzip`. */
  contentEncoding?: string | undefined;
  /**
   * The value of `Cache-Control`, or `false` for none. Default `private, no-cache`, unless middleware has set one.
   * `no-transform` is added where the file has ranges or a strong entity tag, so that it is not compressed on its way.
   */
  cacheControl?: string | false | undefined;
  /** Default `"sandbox"`. */
  activeContent?: ActiveContentPolicy | undefined;
  /** Further header fields. They win over those that are derived from the file. */
  headers?: HeaderFieldsInit | undefined;
  /** Default 200. Any other status is sent as it is: without ranges, without preconditions, without offload. */
  status?: number | undefined;
  /** At most this many bytes a second, where the application itself sends them. Default: no limit. */
  limitRate?: number | undefined;
  /** Called once when the transfer ended, in whatever way. */
  onFinish?: OnFinish | undefined;
}

/**
 * A lazy response: it carries a file and how to present it, and reads nothing until it is rendered. Until then any
 * middleware may look at it, change its fields, swap its file, or answer with something else.
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
export class DownloadResponse {
  readonly kind = "download";
  file: DownloadFile;
  /**
   * An error status that is set after the response was made refuses the file: its answer has no body, whether the
   * application or a server would have sent it. To send a file as an error page, give the status as an option.
   */
  status: number;
  attachment: boolean;
  filename: string | undefined;
  contentType: string | undefined;
  charset: string | false | undefined;
  contentEncoding: string | undefined;
  activeContent: ActiveContentPolicy;
  limitRate: number | undefined;
  readonly headers: HeaderFields;
  readonly #hooks: DownloadHooks;
  onFinish: OnFinish | undefined;
  /** Called once the response is certain to carry bytes, before the first of them. If it throws, nothing is sent. */
  beforeSend: BeforeSend | undefined;
  readonly #madeWith: number;

  constructor(file: DownloadFile, options: DownloadOptions = {}, hooks: DownloadHooks = {}) {
    this.file = file;
    this.status = options.status ?? 200;
    this.#madeWith = this.status;
    this.attachment = options.attachment ?? true;
    this.filename = options.filename;
    this.contentType = options.contentType;
    this.charset = options.charset;
    this.contentEncoding = options.contentEncoding;
    this.limitRate = options.limitRate;
    this.activeContent = options.activeContent ?? "sandbox";
    this.headers = headersOf(options);
    this.#hooks = hooks;
    this.onFinish = options.onFinish;
    this.beforeSend = undefined;
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
   * Opens or describes the file, once, and decides what this request gets.
   * @throws {DownloadError} what the file throws before its first byte
   */
  render(request: DownloadRequest, options?: RenderOptions): Promise<RenderedResponse> {
    const isRefused = this.status >= 400 && this.status !== this.#madeWith;
    return isRefused ? renderRefusal(this, request) : renderDownload(this, request, options);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "download");
  }
}

/** A file is asked for anew each time: a cache must not show one that was replaced, or that is forbidden by now. */
const defaultCacheControl = "private, no-cache";
const defaultFields = new HeaderFields().setDefault("Cache-Control", defaultCacheControl);

function headersOf({ headers, cacheControl }: DownloadOptions): HeaderFields {
  if (headers === undefined && cacheControl === undefined) return new HeaderFields(defaultFields);
  const fields = new HeaderFields(headers);
  if (cacheControl === false || fields.has("Cache-Control")) return fields;
  return cacheControl === undefined
    ? fields.setDefault("Cache-Control", defaultCacheControl)
    : fields.set("Cache-Control", cacheControl);
}
