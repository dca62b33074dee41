import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { assertDownloadResponse } from "../testing/index.ts";
import { VirtualDownloadView } from "./virtual-download-view.ts";

const text = "Hello wörld!\n";
const bytes = new TextEncoder().encode(text);

function* words(): Generator<string> {
  yield "Hello ";
  yield "wörld!\n";
}

async function* wordsLater(): AsyncGenerator<string | Uint8Array> {
  yield "Hello ";
  yield bytes.subarray(6);
}

describe("VirtualDownloadView", () => {
  it.each<[string, () => ConstructorParameters<typeof VirtualFile>[0], size: number | undefined]>([
    ["text", () => text, 14],
    ["bytes", () => bytes, 14],
    ["an ArrayBuffer", () => bytes.slice().buffer, 14],
    ["a Blob", () => new Blob([bytes]), 14],
    ["a generator function", () => words, undefined],
    ["a generator", () => words(), undefined],
    ["an array", () => ["Hello ", "wörld!\n"], undefined],
    ["an async generator function", () => wordsLater, undefined],
    ["an async generator", () => wordsLater(), undefined],
    ["a web stream", () => new Blob([bytes]).stream(), undefined],
    ["a Node stream", () => Readable.from([bytes]), undefined],
    ["a function that makes a stream", () => () => Readable.from([bytes]), undefined],
  ])("serves %s", async (_, source, size) => {
    const handler = VirtualDownloadView.asView({ getFile: () => new VirtualFile(source(), { name: "hello.txt" }) });
    await assertDownloadResponse(respond(handler), {
      status: 200,
      filename: "hello.txt",
      contentType: "text/plain; charset=utf-8",
      content: text,
      headers: { "Content-Length": size === undefined ? false : String(size) },
    });
  });

  it("reads no source for a HEAD", async () => {
    const handler = VirtualDownloadView.asView({
      getFile: () => new VirtualFile(() => expect.unreachable("read"), { name: "a.txt" }),
    });
    await assertDownloadResponse(respond(handler, { method: "HEAD" }), { filename: "a.txt", content: "" });
  });

  it("asks the file whether it was modified", async () => {
    const handler = VirtualDownloadView.asView({
      getFile: () => new VirtualFile(words, { wasModifiedSince: (since) => since < new Date("2026-01-01") }),
    });
    const ask = (since: string): Promise<Response> => respond(handler, { headers: { "If-Modified-Since": since } });
    expect((await ask("Sat, 31 Jan 2026 12:00:00 GMT")).status).toBe(304);
    expect((await ask("Wed, 31 Dec 2025 12:00:00 GMT")).status).toBe(200);
  });

  it("takes a generated file for modified, unless the view knows better", async () => {
    const headers = { "If-Modified-Since": "Sat, 31 Jan 2026 12:00:00 GMT" };
    const getFile = (): VirtualFile => new VirtualFile(words, { name: "hello.txt" });
    expect((await respond(VirtualDownloadView.asView({ getFile }), { headers })).status).toBe(200);
    const never = VirtualDownloadView.asView({ getFile, wasModifiedSince: () => false });
    expect((await respond(never, { headers })).status).toBe(304);
  });

  it("is refused where nothing gives it a file", () => {
    expect(() => VirtualDownloadView.asView()).toThrow(ImproperlyConfiguredError);
    class Unfinished extends VirtualDownloadView {}
    expect(() => Unfinished.asView({ attachment: false })).toThrow("Unfinished needs a file: override getFile()");
  });
});
