import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import { isDownloadFile, type DownloadFile } from "../files/download-file.ts";
import type { Representation } from "../http/decide.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import { DownloadResponse, type DownloadHooks } from "../responses/download-response.ts";
import type { DownloadResult } from "../responses/handler.ts";
import {
  checkPresentation,
  presentationDefaults,
  presentationMethods,
  presentationOf,
  type DownloadOptions,
  type Presentation,
  type PresentationMethods,
} from "../responses/presentation.ts";
import { debugNotFound } from "../responses/render.ts";
import { wasModifiedSince } from "../responses/was-modified-since.ts";
import { refuseJSON } from "../serialization.ts";
import { View } from "./view.ts";

// The base of a mixin may take any arguments: TypeScript requires `any[]` here (TS2545).
// oxlint-disable-next-line typescript/no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;

/** The class of response that a view answers with. */
export type DownloadResponseClass = new (
  file: DownloadFile,
  options?: DownloadOptions,
  hooks?: DownloadHooks,
) => DownloadResponse;

/** The members that {@link DownloadMixin} adds to a class: how to find a file, and how to present it. */
export interface DownloadMembers extends Presentation, PresentationMethods {
  /** The class of response. Default: {@link DownloadResponse}. */
  responseClass: DownloadResponseClass;
  /** The file that {@link getFile} returned. Undefined until the view is rendered. */
  file: DownloadFile | undefined;

  /** The file to serve. @throws {FileNotFoundError} */
  getFile(): DownloadFile | Promise<DownloadFile>;
  /**
   * Whether `file` changed after `since`: by the file's own `wasModifiedSince`, else by its `lastModified`, else true. If
   * `representation` is known, the file is not described a second time.
   */
  wasModifiedSince(file: DownloadFile, since: Date, representation?: Representation): boolean | Promise<boolean>;
  /** May change the fields of the 304, or return another response. */
  notModifiedResponse(headers: HeaderFields): Response | undefined | Promise<Response | undefined>;
  /** The lazy response for {@link file}. */
  downloadResponse(options?: DownloadOptions): DownloadResult | Promise<DownloadResult>;
  /** Throws `error`, which the framework turns into its own 404. Override it to return another response. */
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
 * const request = new Request("http://localhost/invoices/1", { method: "POST" });
 * const result = await InvoiceView.asView()(request, { params: {}, native: undefined });
 * console.assert("filename" in result && result.getFilename() === "invoice.txt");
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

    downloadResponse(options?: DownloadOptions): DownloadResult | Promise<DownloadResult> {
      const { file } = this;
      if (!file) throw new FileNotFoundError();
      const presentation = presentationOf(this as unknown as Presentation & PresentationMethods, options);
      return presentation instanceof Promise
        ? presentation.then((settled) => new this.responseClass(file, settled, this))
        : new this.responseClass(file, presentation, this);
    }

    async renderToResponse(options?: DownloadOptions): Promise<DownloadResult> {
      try {
        const found: unknown = await this.getFile();
        this.file = isDownloadFile(found) ? found : refuseFile(found, this);
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

const defaults = /* @__PURE__ */ Object.assign({}, presentationDefaults, presentationMethods, {
  responseClass: DownloadResponse,
  file: undefined,
  toJSON(this: object): never {
    return refuseJSON(this, "view");
  },
});

/**
 * Defaults are on the prototype: fields of the base class, which every instance owns, win, and so do getters of
 * subclasses. What the base has on its own prototype stays.
 */
function setDefaults(prototype: object, base: object): void {
  for (const [name, value] of Object.entries(defaults)) {
    if (!(name in base)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

/**
 * Refuses what a view's `getFile()` returned in place of a file.
 * @throws {FileNotFoundError} for undefined and null
 * @throws {ImproperlyConfiguredError} for anything else, with what to write instead
 */
function refuseFile(value: unknown, view: object): never {
  const source = `${view.constructor.name}.getFile()`;
  if (value === undefined || value === null) {
    throw new FileNotFoundError(undefined, { cause: new Error(`${source} returned ${String(value)}`) });
  }
  throw new ImproperlyConfiguredError(
    `${source} must return a DownloadFile, got ${typeName(value)}. ${instead(value)}`,
  );
}

function instead(value: {}): string {
  if (typeof value === "string") {
    return "Wrap a path: new LocalFile(path, { root }); a text: new VirtualFile(text, { name })";
  }
  if (value instanceof URL) return "Wrap it: new HTTPFile(url)";
  if (typeof Response !== "undefined" && value instanceof Response) return "Return it from get() in place of getFile()";
  return "Wrap bytes, a Blob, a stream or an iterable: new VirtualFile(content, { name })";
}

function typeName(value: {}): string {
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : `a ${typeof value}`;
}

/** `DownloadMixin(View)`, with the framework's context kept in its type. */
const DownloadViewBase: Pick<typeof View, "asView"> & (new <C = unknown>() => View<C> & DownloadMembers) =
  /* @__PURE__ */ DownloadMixin(View) as never;

/** A view whose `get()` does one thing: `renderToResponse()`. */
export class BaseDownloadView<C = unknown> extends DownloadViewBase<C> {
  get(): DownloadResult | Promise<DownloadResult> {
    return this.renderToResponse();
  }

  override checkConfiguration(): void {
    checkPresentation(this, this.constructor.name);
    if (!answersByItself(this, BaseDownloadView)) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} needs a file: override getFile() { return new VirtualFile(content, { name }) }`,
      );
    }
  }
}

/**
 * Whether a view finds its file in another way than `base`, so that it does not need the configuration of `base`: it overrides
 * `getFile()`, one of the further `methods`, or the whole response.
 */
export function answersByItself<V extends BaseDownloadView>(
  view: V,
  base: { readonly prototype: V },
  ...methods: readonly (keyof V)[]
): boolean {
  const decisive: readonly (keyof V)[] = ["getFile", "renderToResponse", "get", ...methods];
  return decisive.some((name) => view[name] !== base.prototype[name]);
}
