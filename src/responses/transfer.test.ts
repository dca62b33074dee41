import { describe, expect, it } from "vitest";
import { PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { nginx } from "../offload/nginx/index.ts";
import { OffloadedDownloadResponse } from "../offload/offloaded-download-response.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { DownloadOutcome } from "./delivery.ts";
import { DownloadResponse } from "./download-response.ts";
import { ProxiedDownloadResponse } from "./proxied-download-response.ts";
import { renderResult } from "./render.ts";
import { handedOverTransfer, type Transfer } from "./transfer.ts";

const storage = new MemoryStorage();
await storage.save("a.txt", "0123456789");
const { etag } = await new StorageFile(storage, "a.txt").stat();

const file = (): DownloadResponse => new DownloadResponse(new StorageFile(storage, "a.txt"));
const ways: Record<string, () => DownloadResponse | ProxiedDownloadResponse> = {
  "sent by the application": file,
  "sent by nginx": () => new OffloadedDownloadResponse(file(), nginx(), { "X-Accel-Redirect": "/_a/a.txt" }),
  "sent by a store": () =>
    redirectToStorage({ expiresIn: 600, url: () => "https://cdn.example/a.txt" })(
      file(),
      new Request("http://localhost/"),
    ) as ProxiedDownloadResponse,
};

const kinds: Record<string, Transfer["kind"]> = {
  "sent by the application": "sent",
  "sent by nginx": "handedOver",
  "sent by a store": "redirected",
};

const cases: [fields: Record<string, string>, method: string, expected: [bytes: number, first: number] | undefined][] =
  [
    [{}, "GET", [10, 0]],
    [{ Range: "bytes=0-" }, "GET", [10, 0]],
    [{ Range: "bytes=-10" }, "GET", [10, 0]],
    [{ Range: "bytes=4-6" }, "GET", [3, 4]],
    [{ Range: "bytes=-3" }, "GET", [3, 7]],
    [{ Range: "bytes=8-8, 2-3" }, "GET", [3, 2]],
    [{ Range: "bytes=0-8, 1-9" }, "GET", [10, 0]],
    [{ Range: "lines=1-2" }, "GET", [10, 0]],
    [{ Range: "bytes=4-6", "If-Range": etag ?? "" }, "GET", [3, 4]],
    [{ Range: "bytes=4-6", "If-Range": '"another"' }, "GET", [10, 0]],
    [{ "If-None-Match": "*" }, "GET", undefined],
    [{ "If-Match": '"another"' }, "GET", undefined],
    [{}, "HEAD", undefined],
  ];

/** What the application sends in another server's place, as that would answer otherwise. */
const exceptions: readonly string[] = [
  "sent by nginx: bytes=0-8, 1-9",
  "sent by nginx: lines=1-2",
  'sent by a store: bytes=4-6 if "another"',
];

describe.each(Object.entries(ways))("a file %s", (way, respond) => {
  it.each(cases)("is announced with the bytes that are promised: %o %s", async (headers, method, expected) => {
    const announced: Transfer[] = [];
    const response = respond();
    response.beforeSend = (transfer) => void announced.push(transfer);
    const rendered = await renderResult(response, new Request("http://localhost/", { method, headers }));
    rendered.delivery.abort(rendered.status, 0);
    const condition = headers["If-Range"] === undefined ? "" : ` if ${headers["If-Range"]}`;
    const isException = exceptions.includes(`${way}: ${headers["Range"]}${condition}`);
    const kind = isException ? "sent" : kinds[way];
    const [bytes, first] = expected ?? [];
    expect(announced).toEqual(expected ? [{ kind, bytes, first, size: 10, version: etag }] : []);
  });

  it("is not sent if that is refused, which is told as a failure", async () => {
    const outcomes: DownloadOutcome[] = [];
    const response = respond();
    response.onFinish = (outcome) => void outcomes.push(outcome);
    response.beforeSend = () => Promise.reject(new PermissionDeniedError());
    await expect(renderResult(response, new Request("http://localhost/"))).rejects.toMatchObject({ status: 403 });
    expect(outcomes).toMatchObject([{ kind: "failed", status: 403, bytesSent: 0 }]);
  });
});

describe("a transfer", () => {
  it("has no size or version if the file has none", async () => {
    const announced: Transfer[] = [];
    const response = new DownloadResponse(new VirtualFile(() => ["a"], { name: "a.txt" }));
    response.beforeSend = (transfer) => void announced.push(transfer);
    const { delivery } = await response.render(new Request("http://localhost/", { headers: { Range: "bytes=1-" } }));
    delivery.finish(200, 1);
    expect(announced).toEqual([{ kind: "sent", bytes: undefined, first: 0, size: undefined, version: undefined }]);
  });

  it.each([
    [undefined, 0],
    ["bytes=0-", 0],
    ["bytes=7-", 7],
    ["bytes=7-, 0-1", 0],
    ["bytes=-7", 1],
  ])("of a file that only another server knows begins where %s says", async (range, first) => {
    const response = new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/a" } });
    const announced: Transfer[] = [];
    response.beforeSend = (transfer) => void announced.push(transfer);
    await response.render(new Request("http://localhost/", range === undefined ? {} : { headers: { range } }));
    expect(announced).toEqual([{ kind: "handedOver", bytes: undefined, first, size: undefined, version: undefined }]);
  });

  it("that a server can't satisfy is taken for the whole file", () => {
    const request = new Request("http://localhost/", { headers: { Range: "bytes=99-" } });
    expect(handedOverTransfer(request, { size: 10 })).toMatchObject({ bytes: 10, first: 0 });
  });

  it.each([304, 404])("is not announced for a status that carries no file: %i", async (status) => {
    const response = new ProxiedDownloadResponse({ status });
    response.beforeSend = () => expect.unreachable();
    await expect(response.render(new Request("http://localhost/"))).resolves.toMatchObject({ status });
  });
});
