import { describe, expect, it } from "vitest";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { downloadMatchers, type DownloadMatchers } from "./download-matchers.ts";

declare module "vitest" {
  interface Matchers<T> extends DownloadMatchers {}
}
expect.extend(downloadMatchers);

const hello = (): DownloadResponse => new DownloadResponse(new VirtualFile("Hello", { name: "hello.txt" }));

describe("toBeDownloadResponse", () => {
  it("holds for the download that is expected", async () => {
    await expect(hello()).toBeDownloadResponse();
    await expect(hello()).toBeDownloadResponse({ filename: "hello.txt", content: "Hello" });
  });

  it("fails with what differs, for the runner to show", async () => {
    const assertion = expect(hello()).toBeDownloadResponse({ filename: "bye.txt", content: "Hello" });
    await expect(assertion).rejects.toMatchObject({
      message: expect.stringContaining('filename: expected "bye.txt", got "hello.txt"'),
      expected: { filename: "bye.txt" },
      actual: { filename: "hello.txt" },
    });
  });

  it("can be turned round", async () => {
    await expect(hello()).not.toBeDownloadResponse({ filename: "bye.txt" });
    await expect(new Response("a page")).not.toBeDownloadResponse();
    const assertion = expect(hello()).not.toBeDownloadResponse({ filename: "hello.txt" });
    await expect(assertion).rejects.toThrow('another download than {"filename":"hello.txt"}');
  });

  it("does not take an expectation that checks nothing for one that differs", async () => {
    const unknown: object = { basenam: "bye.txt" };
    await expect(expect(hello()).not.toBeDownloadResponse(unknown)).rejects.toThrow(TypeError);
  });
});
