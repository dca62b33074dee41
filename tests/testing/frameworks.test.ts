import express from "express";
import fastify from "fastify";
import inject from "light-my-request";
import request from "supertest";
import { describe, expect, it } from "vitest";
import { download, VirtualDownloadView, VirtualFile } from "downloadview";
import { send, toExpressHandler } from "downloadview/express";
import { toNodeHandler } from "downloadview/node";
import { assertDownloadResponse, DownloadAssertionError } from "downloadview/testing";

const view = VirtualDownloadView.asView({
  getFile() {
    const type = this.params["type"] === "binary" ? "bin" : "csv";
    return new VirtualFile(type === "bin" ? Uint8Array.of(0, 255, 128) : "naïve\n", { name: `naïve.${type}` });
  },
});

describe("assertDownloadResponse on what supertest gives", () => {
  const app = express().get("/:type", toExpressHandler(view));

  it("reads a text", async () => {
    const response = await request(app).get("/text");
    await assertDownloadResponse(response, {
      filename: "naïve.csv",
      contentType: "text/csv",
      content: "naïve\n",
      size: 7,
    });
    await expect(assertDownloadResponse(response, { content: "naive\n" })).rejects.toThrow(DownloadAssertionError);
  });

  it("reads bytes, and takes the request itself", async () => {
    await assertDownloadResponse(request(app).get("/binary"), { content: Uint8Array.of(0, 255, 128), size: 3 });
  });

  it("takes an answer without a body", async () => {
    await assertDownloadResponse(request(app).head("/binary"), { size: 3, content: "" });
    await assertDownloadResponse(request(app).get("/binary").set("Range", "bytes=9-"), { status: 416 });
  });

  it("says so where superagent's decoder lost bytes, and reads them where it was told not to decode", async () => {
    const latin1 = express().get("/", (req, res) =>
      send(req, res, download(Uint8Array.of(0xe9), { name: "a.txt", charset: "iso-8859-1" })),
    );
    const expected = { charset: "iso-8859-1", content: Uint8Array.of(0xe9) };
    await expect(assertDownloadResponse(request(latin1).get("/"), expected)).rejects.toThrow('.responseType("blob")');
    await assertDownloadResponse(request(latin1).get("/").responseType("blob"), expected);
  });
});

describe("assertDownloadResponse on what inject() gives", () => {
  it("reads what light-my-request gives", async () => {
    const handler = toNodeHandler(view, { params: () => ({ type: "binary" }) });
    const response = await inject((req, res) => void handler(req, res), "/");
    await assertDownloadResponse(response, { content: Uint8Array.of(0, 255, 128), size: 3, attachment: true });
    await expect(assertDownloadResponse(response, { size: 4 })).rejects.toThrow(DownloadAssertionError);
  });

  it("reads what Fastify gives", async () => {
    const app = fastify();
    app.get("/", (_, reply) => reply.header("Content-Disposition", "inline").type("text/plain").send("héllo"));
    await assertDownloadResponse(app.inject("/"), { content: "héllo", attachment: false, contentType: "text/plain" });
    await expect(assertDownloadResponse(app.inject("/missing"))).rejects.toThrow("status: expected");
  });
});
