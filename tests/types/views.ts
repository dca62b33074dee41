/** Compiled, never run: what the types of views promise, and refuse. */
import type { Request as ExpressRequest } from "express";
import type { Context } from "hono";
import {
  BaseDownloadView,
  DownloadMixin,
  HTTPDownloadView,
  ObjectDownloadView,
  PathDownloadView,
  StorageDownloadView,
  View,
  VirtualFile,
  type DownloadFile,
  type DownloadHandler,
  type DownloadOptions,
  type DownloadResult,
  type Model,
} from "downloadview";
import { ArchiveDownloadView } from "downloadview/archive";
import { toExpressHandler } from "downloadview/express";
import { toFetchHandler } from "downloadview/fetch";
import { toHonoHandler } from "downloadview/hono";
import { toNodeHandler } from "downloadview/node";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_: Actual, ..._same: Equal<Actual, Expected> extends true ? [] : ["not the same type"]): void => {};
}

export function optionsAreTheFieldsOfTheView(): void {
  PathDownloadView.asView({ path: "/a", root: "/b", pathParam: "p", dotfiles: "allow" });
  PathDownloadView.asView({
    attachment: false,
    filename: "a",
    contentType: "a/b",
    contentEncoding: "gzip",
    charset: false,
  });
  PathDownloadView.asView({ root: undefined, filename: undefined });
  HTTPDownloadView.asView({ url: new URL("https://a"), requestInit: { headers: {} }, getFetch: () => fetch });
  StorageDownloadView.asView({ pathParam: "key" });

  // @ts-expect-error no such field
  PathDownloadView.asView({ paht: "/a" });
  // @ts-expect-error a field of another view
  PathDownloadView.asView({ url: "https://a" });
  // @ts-expect-error not its type
  PathDownloadView.asView({ attachment: "yes" });
  // @ts-expect-error not one of its values
  PathDownloadView.asView({ dotfiles: "ignore" });
  // @ts-expect-error not one of its values
  PathDownloadView.asView({ activeContent: "block" });
  // @ts-expect-error given by the adapter
  PathDownloadView.asView({ request: new Request("http://a") });
  // @ts-expect-error given by the adapter
  PathDownloadView.asView({ params: {} });
  // @ts-expect-error part of how views work
  PathDownloadView.asView({ dispatch: async () => new Response() });
  // @ts-expect-error not what the method gives
  PathDownloadView.asView({ getFilename: () => 7 });
}

export function fieldsOfASubclassAreOptionsToo(): void {
  class Watermarked extends PathDownloadView {
    watermark: "draft" | "final" = "draft";
  }
  Watermarked.asView({ path: "/a", watermark: "final" });
  // @ts-expect-error not one of its values
  Watermarked.asView({ path: "/a", watermark: "none" });
}

export function fieldsOfASubclassNeedNoAsConst(): void {
  class Untrusted extends PathDownloadView {
    override attachment = false;
    override activeContent = "attachment";
    override precompressed = ["br"];
    override dotfiles = "deny";
    override inlineTypes = ["image/*"];
    override status = 200;
    override cacheControl = "no-store";
    override charset = "latin1";
  }
  class Public extends StorageDownloadView {
    override dotfiles = [".well-known"];
  }
  class Backup extends ArchiveDownloadView {
    override format = "tar";
    override duplicates = "refuse";
    override missing = "list";
  }
  for (const view of [Untrusted.asView({ root: "/a" }), Public.asView(), Backup.asView()]) {
    expectType<DownloadHandler>()(view);
  }
  const options: DownloadOptions = { activeContent: "allow", inlineTypes: ["image/*"] };
  // @ts-expect-error not one of its values
  options.activeContent = "allowed";
  // @ts-expect-error not one of its values
  ArchiveDownloadView.asView({ format: "rar" });
  // @ts-expect-error not one of its values
  PathDownloadView.asView({ precompressed: ["gz"] });
}

export function optionsMayBeGettersAndMethods(): void {
  class ByGetter extends PathDownloadView {
    override get attachment(): boolean {
      return this.request.url.endsWith("?save");
    }
    override get activeContent(): "attachment" {
      return "attachment";
    }
    override async getCacheControl(): Promise<string> {
      return "no-store";
    }
    override getAttachment(): boolean {
      return !this.attachment;
    }
  }
  ByGetter.asView({ getActiveContent: async () => "sandbox", getStatus: () => 200, getInlineTypes: () => ["image/*"] });
  // @ts-expect-error not what the method returns
  ByGetter.asView({ getAttachment: () => "yes" });
}

export function whatRunsAViewIsNoOption(): void {
  // @ts-expect-error the handler of a method
  PathDownloadView.asView({ get: () => new Response() });
  // @ts-expect-error the handler of a method
  PathDownloadView.asView({ options: () => new Response() });
  // @ts-expect-error runs the view
  PathDownloadView.asView({ renderToResponse: async () => new Response() });
  // @ts-expect-error runs the view
  PathDownloadView.asView({ downloadResponse: () => new Response() });
  // @ts-expect-error what getFile() found
  PathDownloadView.asView({ file: new VirtualFile("") });
  // @ts-expect-error what getObject() found
  ObjectDownloadView.asView({ object: {} });
  // @ts-expect-error refuses to be JSON
  PathDownloadView.asView({ toJSON: () => "" });
}

export function methodsAreOptionsThatSeeTheView(): void {
  StorageDownloadView.asView({
    async getPath() {
      expectType<Readonly<Record<string, string | undefined>>>()(this.params);
      // @ts-expect-error no such member
      void this.nothing;
      return this.params["path"]?.toUpperCase();
    },
  });
}

export function gettersMayBeSyncOrAsync(): void {
  class Sync extends ObjectDownloadView {
    override getFile(): DownloadFile {
      return new VirtualFile("");
    }
    override getObject(): object {
      return {};
    }
    override getFilename(): string {
      return "a";
    }
    override getContentType(): string | undefined {
      return undefined;
    }
    override wasModifiedSince(): boolean {
      return false;
    }
  }
  class Async extends PathDownloadView {
    override async getFile(): Promise<DownloadFile> {
      return new VirtualFile("");
    }
    override async getPath(): Promise<string> {
      return "a";
    }
    override async getFilename(): Promise<string> {
      return "a";
    }
    override async wasModifiedSince(): Promise<boolean> {
      return false;
    }
  }
  class FromStorage extends StorageDownloadView {
    override getFile(): DownloadFile {
      return new VirtualFile("");
    }
  }
  class FromURL extends HTTPDownloadView {
    override getFile(): DownloadFile {
      return new VirtualFile("");
    }
    override getUrl(): URL {
      return new URL("https://a");
    }
  }
  for (const made of [Sync.asView(), Async.asView(), FromStorage.asView(), FromURL.asView()]) {
    expectType<DownloadHandler>()(made);
  }
}

export function nativeIsTheFrameworksOwnRequest(): void {
  class ForExpress extends BaseDownloadView<ExpressRequest> {
    override getFile(): DownloadFile {
      expectType<ExpressRequest>()(this.context.native);
      return new VirtualFile("", { name: String(this.context.native.ip) });
    }
  }
  class ForHono extends PathDownloadView<Context<{ Variables: { user: string } }>> {
    override getPath(): string {
      expectType<string>()(this.context.native.get("user"));
      // @ts-expect-error no such variable
      this.context.native.get("nobody");
      return "/a";
    }
  }
  class ForNothing extends PathDownloadView {
    override getPath(): string {
      // @ts-expect-error unknown until the class says for which framework it is
      void this.context.native.ip;
      return "/a";
    }
  }

  toExpressHandler(ForExpress.asView());
  toHonoHandler<{ Variables: { user: string } }>(ForHono.asView());
  // @ts-expect-error a view for Express
  toHonoHandler(ForExpress.asView());
  // @ts-expect-error a view for Hono
  toExpressHandler(ForHono.asView());
  // @ts-expect-error a view for Express
  toFetchHandler(ForExpress.asView());

  for (const mount of [toExpressHandler, toHonoHandler, toFetchHandler, toNodeHandler]) mount(ForNothing.asView());
}

export function theObjectOfAModelIsTyped(): void {
  interface Document {
    id: number;
    title: string;
  }
  class DocumentView extends ObjectDownloadView<unknown, Document> {
    override getFilename(): string {
      expectType<Document | undefined>()(this.object);
      return `${this.object?.title ?? "untitled"}.pdf`;
    }
  }
  const documents: Model<Document> = { findOne: async () => ({ id: 1, title: "a" }) };
  DocumentView.asView({ model: documents });
  // @ts-expect-error another model
  DocumentView.asView({ model: { findOne: () => ({ id: "1" }) } });
  // @ts-expect-error no model
  DocumentView.asView({ model: documents.findOne });
}

export function theMixinKeepsItsBase(): void {
  class Job {
    readonly id: number;
    constructor(id: number) {
      this.id = id;
    }
  }
  class JobLog extends DownloadMixin(Job) {
    override getFile(): DownloadFile {
      return new VirtualFile("", { name: `${this.id}.log` });
    }
  }
  const log = new JobLog(7);
  expectType<number>()(log.id);
  expectType<Promise<DownloadResult>>()(log.renderToResponse());
  // @ts-expect-error its base takes a number
  void new JobLog("7");
  // @ts-expect-error its base is no view
  JobLog.asView();

  class Export extends DownloadMixin(View) {
    post(): Promise<DownloadResult> {
      return this.renderToResponse({ filename: "a.csv" });
    }
  }
  Export.asView({ attachment: false });
}
