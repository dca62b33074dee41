/** Compiled, never run: what the types of the test helpers promise, and refuse. */
import type { Request as ExpressRequest } from "express";
import fastify from "fastify";
import inject from "light-my-request";
import request from "supertest";
import { expect } from "vitest";
import { download, PathDownloadView, ProxiedDownloadResponse } from "downloadview";
import {
  assertDownloadResponse,
  downloadMatchers,
  setupView,
  temporaryStorage,
  type DownloadMatchers,
} from "downloadview/testing";

declare module "vitest" {
  interface Matchers<T> extends DownloadMatchers {}
}

export async function everyFormOfResponseIsTaken(): Promise<void> {
  await assertDownloadResponse(new Response());
  await assertDownloadResponse(fetch("http://localhost/"));
  await assertDownloadResponse(download("a"));
  await assertDownloadResponse(new ProxiedDownloadResponse());
  await assertDownloadResponse(download("a").render(new Request("http://localhost/")));
  await assertDownloadResponse(await request("http://localhost").get("/"));
  await assertDownloadResponse(request("http://localhost").get("/"));
  await assertDownloadResponse(inject(() => undefined, "/"));
  await assertDownloadResponse(fastify().inject("/"));
  // @ts-expect-error no response
  await assertDownloadResponse("a");
  // @ts-expect-error no response
  await assertDownloadResponse({ status: 200 });
}

export async function expectationsAreTyped(): Promise<void> {
  await assertDownloadResponse(new Response(), {
    status: 200,
    filename: "a",
    attachment: true,
    contentType: "text/csv",
    charset: false,
    contentEncoding: "gzip",
    size: 1,
    content: (bytes) => bytes.byteLength === 1,
    headers: { ETag: /^"/, Vary: false },
  });
  // @ts-expect-error no such property
  await assertDownloadResponse(new Response(), { basename: "a" });
  // @ts-expect-error not its type
  await assertDownloadResponse(new Response(), { size: "1" });
  // @ts-expect-error a function that says nothing checks nothing
  await assertDownloadResponse(new Response(), { content: (bytes: Uint8Array) => void bytes });
}

export async function matchersAreTyped(): Promise<void> {
  expect.extend(downloadMatchers);
  await expect(new Response()).toBeDownloadResponse({ filename: "a" });
  await expect(new Response()).not.toBeDownloadResponse();
  // @ts-expect-error no such property
  await expect(new Response()).toBeDownloadResponse({ basename: "a" });
}

export function setupKeepsTheTypeOfTheView(): void {
  class ForExpress extends PathDownloadView<ExpressRequest> {
    own = 1;
  }
  const native = {} as ExpressRequest;
  const view: ForExpress = setupView(new ForExpress(), "/a", { path: "a" }, native);
  void view.own;
  setupView(new ForExpress(), { method: "HEAD", headers: { Range: "bytes=0-1" } });
  setupView(new ForExpress(), new Request("http://localhost/"));
  // @ts-expect-error not Express's request
  setupView(new ForExpress(), "/a", {}, "native");
  // @ts-expect-error not a text
  setupView(new ForExpress(), "/a", { path: 7 });
}

export async function temporaryStoragesAreDisposable(): Promise<void> {
  await using storage = await temporaryStorage({ baseUrl: "/media" });
  await storage.dispose();
}
