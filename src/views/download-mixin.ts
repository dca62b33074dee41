import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { Representation } from "../http/decide.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import { DownloadResponse, type DownloadHooks } from "../responses/download-response.ts";
import {
  presentationDefaults,
  presentationMethods,
  presentationOf,
  type DownloadOptions,
  type Presentation,
  type PresentationMethods,
} from "../responses/presentation.ts";
import type { DownloadResult } from "../responses/handler.ts";
import { debugNotFound } from "../responses/render.ts";
import { wasModifiedSince } from "../responses/was-modified-since.ts";
import { assignGiven } from "../assign-given.ts";
import { checkedFile } from "./checked-file.ts";
import { refuseJSON } from "../serialization.ts";

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
export interface DownloadMembers extends Presentation, PresentationMethods {
  /** The class of response. Default: {@link DownloadResponse}. */
  responseClass: DownloadResponseClass;
  /** What {@link getFile} found, once the view is rendered. */
  file: DownloadFile | undefined;

  /** The file to serve. @throws {FileNotFoundError} */
  getFile(): DownloadFile | Promise<DownloadFile>;
  /**
   * Whether `file` changed after `since`: trusts the file's own `wasModifiedSince`, else its `lastModified`, else says
   * yes. `representation`, where it is known, spares a second look at the file.
   */
  wasModifiedSince(file: DownloadFile, since: Date, representation?: Representation): boolean | Promise<boolean>;
  /** May change the fields of the 304, or answer with a response of its own. */
  notModifiedResponse(headers: HeaderFields): Response | undefined | Promise<Response | undefined>;
  /** The lazy response for {@link file}. */
  downloadResponse(options?: DownloadOptions): DownloadResult | Promise<DownloadResult>;
  /** Throws `error`, which the framework turns into its own 404. Override it to answer something else. */
  fileNotFoundResponse(error: FileNotFoundError): Response | Promise<Response>;
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
  // The fields and methods of each option are put on the prototype, not written here: see presentation.ts.
  abstract class Downloads extends base {
    declare responseClass: DownloadResponseClass;
    declare file: DownloadFile | undefined;
    declare wasModifiedSince: typeof wasModifiedSince;

    getFile(): DownloadFile | Promise<DownloadFile> {
      throw new ImproperlyConfiguredError(`${this.constructor.name} needs a getFile() that returns a DownloadFile`);
    }

    notModifiedResponse(_headers: HeaderFields): Response | undefined | Promise<Response | undefined> {
      return undefined;
    }

    fileNotFoundResponse(error: FileNotFoundError): Response | Promise<Response> {
      throw error;
    }

    downloadResponse(options: DownloadOptions = {}): DownloadResult | Promise<DownloadResult> {
      const { file } = this;
      if (!file) throw new FileNotFoundError();
      const presentation = presentationOf(this as unknown as Presentation & PresentationMethods);
      // The response checks what fields of a view, which take any string, may hold.
      const respond = (computed: Presentation): DownloadResponse =>
        new this.responseClass(file, assignGiven(computed, options) as DownloadOptions, this);
      return presentation instanceof Promise ? presentation.then(respond) : respond(presentation);
    }

    async renderToResponse(options: DownloadOptions = {}): Promise<DownloadResult> {
      try {
        this.file = checkedFile(await this.getFile(), `${this.constructor.name}.getFile()`);
      } catch (error) {
        if (!(error instanceof FileNotFoundError)) throw error;
        debugNotFound(this.constructor.name, error);
        return this.fileNotFoundResponse(error);
      }
      return this.downloadResponse(options);
    }
  }
  setDefaults(Downloads.prototype, base.prototype);
  // The function itself, so that a response can tell whether a view overrides it.
  Downloads.prototype.wasModifiedSince = wasModifiedSince;
  return Downloads as unknown as Base & Constructor<DownloadMembers>;
}

const defaults = {
  ...presentationDefaults,
  ...presentationMethods,
  responseClass: DownloadResponse,
  file: undefined,
  toJSON(this: object): never {
    return refuseJSON(this, "view");
  },
};

/**
 * Defaults are on the prototype: fields of the base class, which every instance owns, win, and so do getters of
 * subclasses. What the base has on its own prototype stays.
 */
function setDefaults(prototype: object, base: object): void {
  for (const [name, value] of Object.entries(defaults)) {
    if (!(name in base)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
