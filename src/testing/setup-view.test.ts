import { describe, expect, it } from "vitest";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadMixin } from "../views/base-download-view.ts";
import { View } from "../views/view.ts";
import { assertDownloadResponse } from "./assert-download-response.ts";
import { setupView } from "./setup-view.ts";

class NoteView extends View<{ user: string }> {
  prefix = "";
  note(): string {
    return `${this.prefix}${this.params["note"] ?? "none"} for ${this.context.native?.user ?? "nobody"}`;
  }
}

describe("setupView", () => {
  it("returns the view itself, with a GET of the root and no parameters", () => {
    const view = new NoteView();
    expect(setupView(view)).toBe(view);
    expect(view.request.method).toBe("GET");
    expect(view.request.url).toBe("http://localhost/");
    expect(view.request.headers.get("Range")).toBeNull();
    expect(view.note()).toBe("none for nobody");
  });

  it.each([["/notes/7?a=1"], [new URL("http://localhost/notes/7?a=1")], [{ url: "/notes/7?a=1" }]])(
    "takes a URL as %o",
    (request) => {
      expect(setupView(new NoteView(), request).request.url).toBe("http://localhost/notes/7?a=1");
    },
  );

  it("takes as much of a request as the test is about", () => {
    const { request } = setupView(new NoteView(), { method: "HEAD", headers: { range: "bytes=0-1" } });
    expect(request.method).toBe("HEAD");
    expect(request.headers.get("Range")).toBe("bytes=0-1");
  });

  it("takes a whole request as it is", () => {
    const request = new Request("http://example.test/", { method: "POST" });
    expect(setupView(new NoteView(), request).request).toBe(request);
  });

  it("passes on the signal", () => {
    const { signal } = new AbortController();
    expect(setupView(new NoteView(), { signal }).request.signal).toBe(signal);
  });

  it("gives the view its parameters and the framework's own request", () => {
    const view = Object.assign(new NoteView(), { prefix: "note " });
    expect(setupView(view, "/", { note: "7" }, { user: "ada" }).note()).toBe("note 7 for ada");
    expect(view.context).toEqual({ params: { note: "7" }, native: { user: "ada" } });
  });

  it("calls a setup() that was overridden", () => {
    class Upper extends NoteView {
      override setup(...given: Parameters<NoteView["setup"]>): this {
        super.setup(...given);
        this.prefix = this.params["note"]?.toUpperCase() ?? "";
        return this;
      }
    }
    expect(setupView(new Upper(), "/", { note: "a" }).prefix).toBe("A");
  });

  it("serves classes that are no View", async () => {
    class Job {
      declare params: Record<string, string>;
    }
    class JobLog extends DownloadMixin(Job) {
      override getFile(): VirtualFile {
        return new VirtualFile("done", { name: `${this.params["job"]}.log` });
      }
    }
    const view = setupView(new JobLog(), "/", { job: "7" });
    await assertDownloadResponse(view.renderToResponse(), { filename: "7.log", content: "done" });
  });
});
