import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toFetchHandler } from "../adapters/fetch.ts";
import { ArchiveFile, type ArchiveOptions } from "../archive/archive-file.ts";
import type { ArchiveEntry } from "../archive/member.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { DownloadOptions } from "../responses/presentation.ts";
import { download } from "../views/download.ts";
import { withMiddleware } from "../responses/handler.ts";
import { nginx } from "./nginx/index.ts";
import { smartDownloadMiddleware } from "./smart-download-middleware.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manifest-"));
  await writeFile(join(folder, "a b.txt"), "hello");
  await writeFile(join(folder, "ü.bin"), "");
});
afterAll(() => rm(folder, { recursive: true }));

const local = (name: string): LocalFile => new LocalFile(join(folder, name));
const hello = (): ArchiveEntry => ({ name: "My Hello.txt", file: local("a b.txt"), crc32: 0x3610a686 });
const empty = (): ArchiveEntry => ({ name: "x/ü.bin", file: local("ü.bin") });

interface Given {
  readonly entries?: ArchiveEntry[];
  readonly archive?: ArchiveOptions;
  readonly options?: DownloadOptions;
  readonly archives?: boolean;
}

function ask(
  { entries = [hello(), empty()], archive, options, archives = true }: Given = {},
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Response> {
  const rules = [{ sourceDir: folder, destinationUrl: "/_dl/" }];
  const view = async () => download(new ArchiveFile(entries, { name: "all.zip", ...archive }), options);
  const handler = withMiddleware(view, smartDownloadMiddleware({ backend: nginx({ archives }), rules }));
  return toFetchHandler(handler)(new Request("http://localhost/", { headers, method }));
}

const tagOf = async (given?: Given): Promise<string> => (await ask(given)).headers.get("ETag") ?? "";

describe("an archive that nginx's mod_zip makes", () => {
  it("is a list of CRC-32, length, URL and name", async () => {
    const response = await ask();
    expect(response.headers.get("X-Archive-Files")).toBe("zip");
    expect(response.headers.get("Content-Disposition")).toBe('attachment; filename="all.zip"');
    expect(response.headers.get("Content-Type")).toBe("application/zip");
    expect(response.headers.get("Last-Modified")).toBeNull();
    expect(await response.text()).toBe("3610a686 5 /_dl/a%20b.txt My Hello.txt\n00000000 0 /_dl/%C3%BC.bin x/ü.bin\n");
  });

  it("has another entity tag than the one that the application makes", async () => {
    expect(await tagOf()).toMatch(/^(W\/)?"[0-9a-f]{32}-z"$/);
    expect(await tagOf({ archives: false })).toMatch(/^(W\/)?"[0-9a-f]{32}"$/);
  });

  it.each<[string, () => Given]>([
    ["mod_zip is not there", () => ({ archives: false })],
    ["a CRC-32 is not declared", () => ({ entries: [{ ...hello(), crc32: undefined }] })],
    ["a member is at no URL", () => ({ entries: [hello(), { name: "v", file: new VirtualFile(""), crc32: 0 }] })],
    ["it has a folder", () => ({ entries: [hello(), { name: "folder/" }] })],
    ["it has no members", () => ({ entries: [] })],
    ["it is a TAR", () => ({ archive: { format: "tar" } })],
    ["it is sent slowly", () => ({ options: { limitRate: 1e9 } })],
  ])("is the application's if %s", async (_, given) => {
    const response = await ask(given());
    expect(response.headers.get("X-Archive-Files")).toBeNull();
    expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get("Content-Length")));
  });

  it.each<[string, (tag: string) => Record<string, string>, number, "zip" | null]>([
    ["the same If-Range", (tag) => ({ Range: "bytes=9-", "If-Range": tag }), 200, "zip"],
    ["a Range alone", () => ({ Range: "bytes=9-" }), 200, "zip"],
    ["an If-Range of another archive", () => ({ Range: "bytes=9-", "If-Range": '"x"' }), 200, null],
    ["an If-Range of a date", () => ({ Range: "bytes=9-", "If-Range": "Tue, 14 Nov 2023 22:13:20 GMT" }), 200, null],
    ["the same If-None-Match", (tag) => ({ "If-None-Match": tag }), 304, null],
    ["another If-None-Match", () => ({ "If-None-Match": '"x"' }), 200, "zip"],
    ["an If-Match", () => ({ "If-Match": '"x"' }), 412, null],
  ])("with %s", async (_, headers, status, field) => {
    const response = await ask({}, headers(await tagOf()));
    expect([response.status, response.headers.get("X-Archive-Files")]).toEqual([status, field]);
    await response.body?.cancel();
  });

  it("has no length that HEAD could tell", async () => {
    const { status, headers } = await ask({}, {}, "HEAD");
    expect([status, headers.get("X-Archive-Files"), headers.get("Content-Length")]).toEqual([200, null, null]);
    expect(headers.get("ETag")).toBe(await tagOf());
  });

  it("is handed over, not completed", async () => {
    const outcomes: DownloadOutcome[] = [];
    const finished = new Promise<void>((resolve) => {
      void ask({ options: { onFinish: (outcome) => (outcomes.push(outcome), resolve()) } }).then((response) =>
        response.text(),
      );
    });
    await finished;
    expect(outcomes).toMatchObject([{ kind: "handedOver", bytesSent: 0, completed: false }]);
  });

  it("is a 404 for a missing member", async () => {
    expect((await ask({ entries: [{ name: "a", file: local("gone"), crc32: 1 }] })).status).toBe(404);
  });
});
