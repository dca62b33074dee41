import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { Representation } from "../http/decide.ts";
import type { HeaderFields, HeaderFieldsInit } from "../http/header-fields.ts";
import type { OnFinish } from "../responses/delivery.ts";
import {
  DownloadResponse,
  type ActiveContentPolicy,
  type DownloadHooks,
  type DownloadOptions,
} from "../responses/download-response.ts";
import type { DownloadResult } from "../responses/handler.ts";
import { debugNotFound } from "../responses/not-found.ts";
import { wasModifiedSince } from "../responses/was-modified-since.ts";
import { assignGiven } from "../assign-given.ts";
import { checkedFile } from "./checked-file.ts";
import { refuseJSON } from "../serialization.ts";
import { allGiven, whenReady, type MaybePromise } from "../responses/maybe-promise.ts";

// A mixin's base takes whatever arguments it likes: TypeScript asks for `any[]` here (TS2545).
// oxlint-disable-next-line typescript/no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;

/** The class of response that a view answers with. */
export type DownloadResponseClass = new (
  file: DownloadFile,
  options?: DownloadOptions,
  hooks?: DownloadHooks,
) => DownloadResponse;

/** What {@link DownloadMixin} adds to a class: how to find a file, and how to present it. */
export interface DownloadMembers {
  responseClass: DownloadResponseClass;
  /** Save (`true`, the default) or show (`false`) the file. */
  attachment: boolean;
  /** The name that the client sees; by default that of the file. */
  filename: string | undefined;
  /** The media type; by default what the file knows, else by its name. */
  contentType: string | undefined;
  /** The content coding that the bytes are really in. */
  contentEncoding: string | undefined;
  /** The charset of a text; `utf-8` by default, `false` to say nothing. */
  charset: string | false | undefined;
  /** `Cache-Control`; `private, no-cache` by default, `false` for none. */
  cacheControl: string | false | undefined;
  activeContent: ActiveContentPolicy;
  headers: HeaderFieldsInit | undefined;
  /** Bytes a second; no limit by default. */
  limitRate: number | undefined;
  onFinish: OnFinish | undefined;
  /** What {@link getFile} found, once the view is rendered. */
  file: DownloadFile | undefined;

  /** The file to serve. @throws {FileNotFoundError} */
  getFile(): MaybePromise<DownloadFile>;
  getFilename(): MaybePromise<string | undefined>;
  getContentType(): MaybePromise<string | undefined>;
  getContentEncoding(): MaybePromise<string | undefined>;
  getCharset(): MaybePromise<string | false | undefined>;
  /**
   * Whether `file` changed after `since`: trusts the file's own `wasModifiedSince`, else its `lastModified`, else says
   * yes. `representation`, where it is known, spares a second look at the file.
   */
  wasModifiedSince(file: DownloadFile, since: Date, representation?: Representation): MaybePromise<boolean>;
  /** May change the fields of the 304, or answer with a response of its own. */
  notModifiedResponse(headers: HeaderFields): MaybePromise<Response | undefined>;
  /** The lazy response for {@link file}. */
  downloadResponse(options?: DownloadOptions): MaybePromise<DownloadResult>;
  /** Throws `error`, which the framework turns into its own 404. Override it to answer something else. */
  fileNotFoundResponse(error: FileNotFoundError): MaybePromise<Response>;
  /** {@link getFile}, then {@link downloadResponse}. */
  renderToResponse(options?: DownloadOptions): Promise<DownloadResult>;
}

/**
 * Adds downloads to any class: implement `getFile()` and return `renderToResponse()` from a handler method.
 *
 * @example
 * ```ts
 * import { DownloadMixin, View, VirtualFile } from "downloadview";
 *
 * class InvoiceView extends DownloadMixin(View) {
 *   override getFile() {
 *     return new VirtualFile("Total: 12.00", { name: "invoice.txt" });
 *   }
 *   post() {
 *     return this.renderToResponse();
 *   }
 * }
 * console.assert(typeof InvoiceView.asView() === "function");
 * ```
 */
export function DownloadMixin<Base extends Constructor<object>>(base: Base): Base & Constructor<DownloadMembers> {
  abstract class Downloads extends base implements DownloadMembers {
    declare responseClass: DownloadResponseClass;
    declare attachment: boolean;
    declare filename: string | undefined;
    declare contentType: string | undefined;
    declare contentEncoding: string | undefined;
    declare charset: string | false | undefined;
    declare cacheControl: string | false | undefined;
    declare activeContent: ActiveContentPolicy;
    declare headers: HeaderFieldsInit | undefined;
    declare limitRate: number | undefined;
    declare onFinish: OnFinish | undefined;
    declare file: DownloadFile | undefined;
    declare wasModifiedSince: typeof wasModifiedSince;

    getFile(): MaybePromise<DownloadFile> {
      throw new ImproperlyConfiguredError(`${this.constructor.name} needs a getFile() that returns a DownloadFile`);
    }

    getFilename(): MaybePromise<string | undefined> {
      return this.filename;
    }

    getContentType(): MaybePromise<string | undefined> {
      return this.contentType;
    }

    getContentEncoding(): MaybePromise<string | undefined> {
      return this.contentEncoding;
    }

    getCharset(): MaybePromise<string | false | undefined> {
      return this.charset;
    }

    notModifiedResponse(_headers: HeaderFields): MaybePromise<Response | undefined> {
      return undefined;
    }

    fileNotFoundResponse(error: FileNotFoundError): MaybePromise<Response> {
      throw error;
    }

    downloadResponse(options: DownloadOptions = {}): MaybePromise<DownloadResult> {
      const { file } = this;
      if (!file) throw new FileNotFoundError();
      return whenReady(
        this.#presentation(),
        (presentation) => new this.responseClass(file, assignGiven(presentation, options), this),
      );
    }

    async renderToResponse(options: DownloadOptions = {}): Promise<DownloadResult> {
      try {
        this.file = checkedFile(await this.getFile(), `${this.constructor.name}.getFile()`);
      } catch (error) {
        if (!(error instanceof FileNotFoundError)) throw error;
        debugNotFound(this.constructor.name, error);
        return this.fileNotFoundResponse(error);
      }
      return await this.downloadResponse(options);
    }

    #presentation(): MaybePromise<DownloadOptions> {
      const computed = [
        this.getFilename(),
        this.getContentType(),
        this.getContentEncoding(),
        this.getCharset(),
      ] as const;
      return whenReady(allGiven(computed), ([filename, contentType, contentEncoding, charset]) => ({
        attachment: this.attachment,
        filename,
        contentType,
        contentEncoding,
        charset,
        cacheControl: this.cacheControl,
        activeContent: this.activeContent,
        headers: this.headers,
        limitRate: this.limitRate,
        onFinish: this.onFinish,
      }));
    }
  }
  setDefaults(Downloads.prototype, base.prototype);
  // The function itself, so that a response can tell whether a view overrides it.
  Downloads.prototype.wasModifiedSince = wasModifiedSince;
  return Downloads;
}

const defaults = {
  responseClass: DownloadResponse,
  attachment: true,
  filename: undefined,
  contentType: undefined,
  contentEncoding: undefined,
  charset: undefined,
  cacheControl: undefined,
  activeContent: "sandbox",
  headers: undefined,
  limitRate: undefined,
  onFinish: undefined,
  file: undefined,
  toJSON(this: object): never {
    return refuseJSON(this, "view");
  },
} as const;

/**
 * Defaults are on the prototype: fields of the base class, which every instance owns, win, and so do getters of
 * subclasses. What the base has on its own prototype stays.
 */
function setDefaults(prototype: object, base: object): void {
  for (const [name, value] of Object.entries(defaults)) {
    if (!(name in base)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
