import { describe, expect, it } from "vitest";
import { VirtualFile } from "../files/virtual-file.ts";
import { XSendfileResponse as ApacheResponse } from "../offload/apache/index.ts";
import { XSendfileResponse as LighttpdResponse } from "../offload/lighttpd/index.ts";
import { XAccelRedirectResponse, type XAccelRedirectOptions } from "../offload/nginx/index.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { assertXAccelRedirect, assertXSendfile, type XAccelRedirectExpectations } from "./assert-offload.ts";

const full: XAccelRedirectOptions = {
  redirectUrl: "/_dl/a%20b.txt",
  filename: "report.txt",
  contentType: "text/plain; charset=utf-8",
  attachment: false,
  expires: 60,
  withBuffering: true,
  limitRate: 5000,
};
const bare: XAccelRedirectOptions = { redirectUrl: "/_dl/a.bin" };

const right: readonly [options: XAccelRedirectOptions, expected: XAccelRedirectExpectations][] = [
  [full, {}],
  [full, { redirectUrl: "/_dl/a%20b.txt" }],
  [full, { filename: "report.txt", attachment: false, contentType: "text/plain; charset=utf-8", charset: "utf-8" }],
  [full, { expires: 60, withBuffering: true, limitRate: 5000 }],
  [
    { ...bare, expires: new Date(5000), withBuffering: false },
    { expires: new Date(5000), withBuffering: false },
  ],
  [
    { ...bare, expires: false, limitRate: false },
    { expires: false, limitRate: false },
  ],
  [bare, { charset: null, expires: null, limitRate: null, withBuffering: null }],
  [bare, { headers: { "Cache-Control": "private, no-cache" }, attachment: true }],
];

const wrong: readonly [options: XAccelRedirectOptions, expected: XAccelRedirectExpectations, named: string][] = [
  [full, { redirectUrl: "/_dl/a b.txt" }, "X-Accel-Redirect"],
  [full, { filename: "a b.txt" }, "filename"],
  [full, { contentType: "text/html" }, "contentType"],
  [full, { attachment: true }, "attachment"],
  [full, { charset: "latin1" }, "X-Accel-Charset"],
  [full, { charset: null }, "X-Accel-Charset"],
  [full, { withBuffering: false }, "X-Accel-Buffering"],
  [full, { withBuffering: null }, "X-Accel-Buffering"],
  [full, { expires: 61 }, "X-Accel-Expires"],
  [full, { expires: false }, "X-Accel-Expires"],
  [full, { expires: null }, "X-Accel-Expires"],
  [full, { limitRate: 5001 }, "X-Accel-Limit-Rate"],
  [full, { limitRate: false }, "X-Accel-Limit-Rate"],
  [bare, { charset: "utf-8" }, "X-Accel-Charset"],
  [bare, { withBuffering: true }, "X-Accel-Buffering"],
  [bare, { expires: 0 }, "X-Accel-Expires"],
  [bare, { limitRate: 0 }, "X-Accel-Limit-Rate"],
  [bare, { headers: { "Cache-Control": "public" } }, "Cache-Control"],
];

describe("assertXAccelRedirect", () => {
  it.each(right)("of %j takes %j for right", async (options, expected) => {
    await assertXAccelRedirect(new XAccelRedirectResponse(options), expected);
  });

  it.each(wrong)("of %j says that %j is wrong", async (options, expected, named) => {
    await expect(assertXAccelRedirect(new XAccelRedirectResponse(options), expected)).rejects.toThrow(named);
  });

  it("takes a web response, a rendered one, and a promise", async () => {
    const headers = { "X-Accel-Redirect": "/_dl/a", "Content-Disposition": "attachment" };
    await assertXAccelRedirect(new Response(null, { headers }), { redirectUrl: "/_dl/a" });
    await assertXAccelRedirect(Promise.resolve(new XAccelRedirectResponse(full)), { redirectUrl: full.redirectUrl });
  });

  it.each([
    ["a download that the application sends", new DownloadResponse(new VirtualFile("x", { name: "x" }))],
    ["one for Apache", new ApacheResponse({ filePath: "/a" })],
    ["a response of another status", new Response(null, { status: 403, headers: { "X-Accel-Redirect": "/a" } })],
  ])("refuses %s", async (_what, response) => {
    await expect(assertXAccelRedirect(response)).rejects.toMatchObject({ code: "ERR_ASSERTION" });
  });

  it("refuses an expectation that checks nothing", async () => {
    const response = new XAccelRedirectResponse(full);
    await expect(assertXAccelRedirect(response, { redirectUrl: undefined } as never)).rejects.toThrow(TypeError);
    await expect(assertXAccelRedirect(response, { redirect_url: "/" } as never)).rejects.toThrow(TypeError);
  });
});

describe("assertXSendfile", () => {
  const filePath = "/srv/é %.txt";

  it.each([
    ["Apache", new ApacheResponse({ filePath })],
    ["lighttpd", new LighttpdResponse({ filePath })],
  ])("takes the path as %s gets it", async (_server, response) => {
    await assertXSendfile(response, { filePath, filename: "é %.txt", attachment: true });
    await expect(assertXSendfile(response, { filePath: "/srv/é.txt" })).rejects.toThrow("X-Sendfile");
    await expect(assertXSendfile(response, { filename: "e.txt" })).rejects.toThrow("filename");
    await expect(assertXSendfile(response, { attachment: false })).rejects.toThrow("attachment");
    await expect(assertXAccelRedirect(response)).rejects.toThrow("X-Accel-Redirect");
  });

  it("refuses what no server is to send", async () => {
    await expect(assertXSendfile(new Response("x"))).rejects.toThrow("X-Sendfile");
  });
});
