import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { setupView } from "../testing/index.ts";
import { BaseDownloadView } from "../views/base-download-view.ts";
import { download } from "../views/download.ts";
import { VirtualDownloadView } from "../views/virtual-download-view.ts";
import type { DownloadResponse } from "./download-response.ts";
import { presentationDefaults, presentationNames, type DownloadOptions, type Presentation } from "./presentation.ts";

class PageView extends BaseDownloadView {
  override getFile(): VirtualFile {
    return new VirtualFile("<p>", { name: "page.html", etag: false });
  }
}

const onFinish = (): void => undefined;

/** A value of each option that is not its default, and what the response says with it. */
const examples: {
  readonly [Name in keyof Presentation]: readonly [
    value: Presentation[Name],
    read: (made: DownloadResponse) => unknown,
  ];
} = {
  attachment: [false, (made) => made.attachment],
  filename: ["été.html", (made) => made.filename],
  contentType: ["text/x-a", (made) => made.contentType],
  charset: ["iso-8859-1", (made) => made.charset],
  contentEncoding: ["gzip", (made) => made.contentEncoding],
  cacheControl: ["no-store", (made) => made.headers.get("Cache-Control")],
  inlineTypes: [["image/*"], (made) => made.inlineTypes],
  activeContent: ["attachment", (made) => made.activeContent],
  headers: [{ "X-A": "1" }, (made) => ({ "X-A": made.headers.get("X-A") })],
  status: [404, (made) => made.status],
  limitRate: [1000, (made) => made.limitRate],
  onFinish: [onFinish, (made) => made.onFinish],
};

const table = presentationNames.map((name) => [name, ...examples[name]] as const);
const methodOf = (name: string): string => `get${name[0]!.toUpperCase()}${name.slice(1)}`;

/** A subclass whose prototype has `property` as a class body would define it. */
function subclass(name: string, property: PropertyDescriptor): typeof PageView {
  class Sub extends PageView {}
  Object.defineProperty(Sub.prototype, name, { configurable: true, ...property });
  return Sub;
}

async function madeBy(make: typeof PageView, options: object = {}): Promise<DownloadResponse> {
  const made = await make.asView(options)(new Request("http://localhost/"), { params: {}, native: undefined });
  if (made instanceof Response || made.kind !== "download") throw new Error("A view must return a download");
  return made;
}

describe("each presentation option", () => {
  it.each(table)("%s has its default", async (name, _value, read) => {
    const defaults: Partial<Presentation> = { cacheControl: "private, no-cache", headers: { "X-A": null } as never };
    expect(read(await madeBy(PageView))).toEqual(defaults[name] ?? presentationDefaults[name]);
  });

  it.each(table)("%s can be an option of asView", async (name, value, read) => {
    expect(read(await madeBy(PageView, { [name]: value }))).toEqual(value);
  });

  it.each(table)("%s can be undefined, which means its default", async (name, _value, read) => {
    expect(read(await madeBy(PageView, { [name]: undefined }))).toEqual(read(await madeBy(PageView)));
    expect(read(download("", { [name]: undefined }))).toEqual(read(download("")));
  });

  it.each(table)("%s can be a field of a subclass", async (name, value, read) => {
    class Sub extends PageView {
      constructor() {
        super();
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      }
    }
    expect(read(await madeBy(Sub))).toEqual(value);
  });

  it.each(table)(
    "%s can be a getter of a subclass, which needs no request when asView is called",
    async (name, value, read) => {
      const get = function (this: PageView): unknown {
        return this.request.method === "GET" ? value : undefined;
      };
      expect(read(await madeBy(subclass(name, { get })))).toEqual(value);
    },
  );

  it.each(table)("%s can be a getter, which yields to an option of asView", async (name, value, read) => {
    const sub = subclass(name, { get: () => presentationDefaults[name] });
    expect(read(await madeBy(sub, { [name]: value }))).toEqual(value);
  });

  it.each(table)("%s can be computed by a method", async (name, value, read) => {
    expect(read(await madeBy(subclass(methodOf(name), { value: () => value })))).toEqual(value);
  });

  it.each(table)("%s can be computed by a method later", async (name, value, read) => {
    expect(read(await madeBy(subclass(methodOf(name), { value: async () => value })))).toEqual(value);
  });

  it.each(table)("%s can be computed by a method that is an option of asView", async (name, value, read) => {
    expect(read(await madeBy(PageView, { [methodOf(name)]: () => value }))).toEqual(value);
  });

  it.each(table)("%s can be set for one response", async (name, value, read) => {
    expect(read((await setupView(new PageView()).renderToResponse({ [name]: value })) as DownloadResponse)).toEqual(
      value,
    );
    expect(read(download("", { [name]: value }))).toEqual(value);
  });

  it.each(table)("%s counts when a file is described again", async (name, value) => {
    // What is derived from the description of a local file is kept for the next response.
    const file = new LocalFile(fileURLToPath(new URL("../../README.md", import.meta.url)));
    const head = async (options: object): Promise<unknown> => {
      const rendered = await download(file, { attachment: false, ...options }).render(
        new Request("http://localhost/", { method: "HEAD" }),
      );
      return [rendered.status, rendered.headers];
    };
    const own: DownloadOptions = { ...(name === "activeContent" ? { contentType: "text/html" } : {}), [name]: value };
    if (name === "attachment") own.attachment = true;
    const before = await head({});
    const after = await head(own);
    if (name === "limitRate" || name === "onFinish") expect(after).toEqual(before);
    else expect(after).not.toEqual(before);
    expect(await head({})).toEqual(before);
    expect(await head(own)).toEqual(after);
  });
});

describe("inlineTypes", () => {
  it.each<[string, string | undefined, readonly string[] | undefined, string]>([
    ["photo.png", undefined, ["image/*", "application/pdf"], "inline"],
    ["paper.pdf", undefined, ["image/*", "application/pdf"], "inline"],
    ["paper.pdf", undefined, ["IMAGE/*", "Application/PDF"], "inline"],
    ["page.html", undefined, ["image/*", "application/pdf"], "attachment"],
    ["a.txt", undefined, ["text/plain"], "inline"],
    ["a.txt", "text/plain; charset=utf-16", ["text/plain"], "inline"],
    ["a.bin", undefined, ["*/*"], "inline"],
    ["a.bin", "imagery/png", ["image/*"], "attachment"],
    ["photo.png", "text/html", ["image/*"], "attachment"],
    ["photo.png", undefined, [], "attachment"],
    ["photo.png", undefined, undefined, "inline"],
  ])("%s of type %s with %j is %s", async (name, contentType, inlineTypes, disposition) => {
    const view = VirtualDownloadView.asView({
      getFile: () => new VirtualFile("…", { name }),
      attachment: false,
      contentType,
      inlineTypes,
    });
    expect((await respond(view)).headers.get("Content-Disposition")).toMatch(new RegExp(`^${disposition};`));
  });

  it("leaves active content in its sandbox", async () => {
    const options = { name: "logo.svg", attachment: false, inlineTypes: ["image/*"] };
    const { headers } = await download("<svg/>", options).render(new Request("http://localhost/"));
    expect(headers).toContain("Content-Security-Policy");
    expect(headers).toContain('inline; filename="logo.svg"');
  });

  it("does not show what is an attachment anyway", async () => {
    const { headers } = await download("", { name: "a.png", inlineTypes: ["image/*"] }).render(
      new Request("http://localhost/"),
    );
    expect(headers).toContain('attachment; filename="a.png"');
  });
});

describe("active content that is shown by a field of the application's own", () => {
  it.each([
    ["inline", true],
    ["inline; filename=a.html", true],
    ["attachment", false],
    ["ATTACHMENT; filename=a.html", false],
  ])("Content-Disposition: %s has a sandbox: %s", async (disposition, hasSandbox) => {
    for (const attachment of [true, false]) {
      const headers = { "Content-Disposition": disposition };
      const rendered = await download("<p>", { name: "a.html", attachment, headers }).render(
        new Request("http://localhost/"),
      );
      expect(rendered.headers.includes("Content-Security-Policy")).toBe(hasSandbox);
    }
  });
});

describe("a response tells what it is going to send", () => {
  it.each<[object, object, [string, string, string | undefined, string | undefined, string]]>([
    [{}, {}, ["a.txt", "text/plain; charset=utf-8", "utf-8", undefined, 'attachment; filename="a.txt"']],
    [{ charset: false }, {}, ["a.txt", "text/plain", undefined, undefined, 'attachment; filename="a.txt"']],
    [
      { filename: "b/c.png", attachment: false },
      {},
      ["b_c.png", "image/png", undefined, undefined, 'inline; filename="b_c.png"'],
    ],
    [
      { attachment: false, activeContent: "attachment" },
      { contentType: "text/html;charset=latin1", contentEncoding: "gzip" },
      ["a.txt", "text/html;charset=latin1", "latin1", "gzip", 'attachment; filename="a.txt"'],
    ],
    [
      { headers: { "Content-Type": 'text/csv; charset="x"', "Content-Disposition": "inline" } },
      { contentEncoding: "identity" },
      ["a.txt", 'text/csv; charset="x"', "x", undefined, "inline"],
    ],
  ])("with %j and the description %j", (options, stat, expected) => {
    const response = download("", { name: "a.txt", ...options });
    expect([
      response.getFilename(),
      response.getContentType(stat),
      response.getCharset(stat),
      response.getContentEncoding(stat),
      response.getContentDisposition(stat),
    ]).toEqual(expected);
  });
});
