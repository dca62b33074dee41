import { readOpened } from "../content.ts";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import { renderDownload } from "../../responses/render.ts";
import { DownloadResponse } from "../../responses/download-response.ts";
import { FileSystemStorage } from "../../storages/file-system/file-system-storage.ts";
import { sendFile } from "../../views/send-file.ts";
import type { DotfilePolicy } from "../dotfiles.ts";
import * as fileSystem from "./file-system.ts";
import { LocalFile } from "./local-file.ts";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "access-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("A root that is no setting", () => {
  const request = new Request("http://localhost/");
  const made: readonly (readonly [string, (root: string) => unknown])[] = [
    ["LocalFile", (root) => new LocalFile("package.json", { root })],
    ["FileSystemStorage", (root) => new FileSystemStorage(root)],
    ["sendFile", (root) => sendFile(request, "package.json", { root })],
  ];
  describe.each(made)("of %s", (_, make) => {
    it.each([
      ["an empty text", ""],
      ["undefined", undefined],
      ["null", null],
      ["a number", 5],
      ["a NUL", "a\0b"],
    ])("is refused: %s", async (__, root) => {
      await expect((async () => make(root as string))()).rejects.toThrow(ImproperlyConfiguredError);
    });
  });
});

describe("A dotfile below a root", () => {
  beforeAll(async () => {
    await mkdir(at(".git"));
    await mkdir(at(".well-known"));
    await mkdir(at("..2026_01_31_08_00_00.123456789"));
    await writeFile(at(".git/config"), "secret");
    await writeFile(at(".env"), "secret");
    await writeFile(at(".well-known/security.txt"), "public");
    await writeFile(at("..2026_01_31_08_00_00.123456789/app.conf"), "mounted");
    await symlink("..2026_01_31_08_00_00.123456789", at("..data"));
    await symlink("..data/app.conf", at("app.conf"));
    await symlink(".env", at("link-to-env"));
    await symlink(".git", at("link-to-git"));
    await symlink(".well-known", at("link-to-well-known"));
  });

  const cases: readonly (readonly [string, DotfilePolicy, "found" | "not found"])[] = [
    [".env", "deny", "not found"],
    [".git/config", "deny", "not found"],
    ["link-to-env", "deny", "not found"],
    ["link-to-git/config", "deny", "not found"],
    ["link-to-well-known/security.txt", "deny", "not found"],
    ["app.conf", "deny", "found"],
    [".env", "allow", "found"],
    ["link-to-git/config", "allow", "found"],
    [".well-known/security.txt", [".well-known"], "found"],
    ["link-to-well-known/security.txt", [".well-known"], "found"],
    [".env", [".well-known"], "not found"],
    ["link-to-env", [".well-known"], "not found"],
    ["link-to-git/config", [".well-known"], "not found"],
  ];
  describe.each([
    ["LocalFile", (name: string, dotfiles: DotfilePolicy) => new LocalFile(name, { root, dotfiles }).open()],
    [
      "FileSystemStorage",
      async (name: string, dotfiles: DotfilePolicy) => new FileSystemStorage(root, { dotfiles }).open(name),
    ],
    [
      "sendFile",
      async (name: string, dotfiles: DotfilePolicy) => {
        const result = await sendFile(new Request("http://localhost/"), name, { root, dotfiles });
        if (!(result instanceof DownloadResponse)) throw new TypeError("not a download");
        return result.file.open();
      },
    ],
  ] as const)("by %s", (_, open) => {
    it.each(cases)("%s with the policy %j is %s", async (name, dotfiles, outcome) => {
      const opened = open(name, dotfiles).then((file) => file.close());
      if (outcome === "found") await opened;
      else await expect(opened).rejects.toThrow(InvalidPathError);
    });
  });

  it("is served by its path alone, unless the policy is said", async () => {
    const request = new Request("http://localhost/");
    await expect(sendFile(request, at(".env"))).resolves.toBeInstanceOf(DownloadResponse);
    await expect(sendFile(request, at(".env"), { dotfiles: "deny" })).rejects.toThrow(InvalidPathError);
  });
});

describe("A file that can't be read", () => {
  const requests: readonly (readonly [string, RequestInit])[] = [
    ["GET", {}],
    ["HEAD", { method: "HEAD" }],
    ["If-None-Match: *", { headers: { "If-None-Match": "*" } }],
    ["If-Match", { headers: { "If-Match": '"x"' } }],
    ["If-Modified-Since", { headers: { "If-Modified-Since": new Date(Date.now() + 1000).toUTCString() } }],
    ["a range beyond the end", { headers: { Range: "bytes=999999-" } }],
    ["a range", { headers: { Range: "bytes=0-9" } }],
  ];
  describe.each([true, false])("(lazy: %s)", (lazy) => {
    it.each(requests)("is not found: %s", async (_, init) => {
      await writeFile(at("secret.bin"), Buffer.alloc(300_000));
      const denied = vi
        .spyOn(fileSystem, "openForReading")
        .mockRejectedValue(Object.assign(new Error("denied"), { code: "EACCES" }));
      const response = new DownloadResponse(new LocalFile("secret.bin", { root }));
      const rendering = renderDownload(response, new Request("http://localhost/", init), { lazy });
      await expect(rendering).rejects.toThrow(FileNotFoundError);
      denied.mockRestore();
    });
  });

  it("is described for another server that may read it", async () => {
    await writeFile(at("secret.bin"), Buffer.alloc(3));
    const denied = vi
      .spyOn(fileSystem, "openForReading")
      .mockRejectedValue(Object.assign(new Error("denied"), { code: "EACCES" }));
    expect((await new LocalFile("secret.bin", { root }).stat()).size).toBe(3);
    denied.mockRestore();
  });
});

describe("A folder that is swapped for a symlink while its file is looked at", () => {
  it.each([
    ["HEAD", { method: "HEAD" }],
    ["a range beyond the end", { headers: { Range: "bytes=999999-" } }],
    ["If-None-Match: *", { headers: { "If-None-Match": "*" } }],
  ])("never tells the size of a file outside the root: %s", async (_, init: RequestInit) => {
    await mkdir(at("media/folder"), { recursive: true });
    await mkdir(at("outside"), { recursive: true });
    await writeFile(at("media/folder/a.txt"), "inside");
    await writeFile(at("outside/a.txt"), "a secret of 24 bytes ...");
    const linkStat = fileSystem.linkStat;
    // The kernel resolves the path while the folder is a symlink, which is gone before anything else is asked.
    const swapped = vi.spyOn(fileSystem, "linkStat").mockImplementation(() => linkStat(at("outside/a.txt")));
    const response = new DownloadResponse(new LocalFile("folder/a.txt", { root: at("media") }));
    await expect(renderDownload(response, new Request("http://localhost/", init))).rejects.toMatchObject({
      name: expect.stringMatching(/FileChangedError|InvalidPathError/),
    });
    swapped.mockRestore();
  });
});

describe.runIf(process.platform === "linux")("A file that is made when it is read", () => {
  it.each(["/proc/version", "/proc/self/status"])(
    "is sent without a length, and without validators: %s",
    async (path) => {
      const file = new LocalFile(path);
      expect(await file.stat()).toEqual({ seekable: false });
      const chunks: Uint8Array[] = [];
      await using opened = await file.open();
      expect((await opened.content()).kind).toBe("chunks");
      for await (const chunk of readOpened(opened)) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      expect(text.length).toBeGreaterThan(20);
      expect(text.slice(0, 10)).toBe((await readFile(path, "utf8")).slice(0, 10));
    },
  );

  it("is told from a file that is empty", async () => {
    await writeFile(at("empty"), "");
    await writeFile(at("sparse"), "");
    execFileSync("truncate", ["-s", "4096", at("sparse")]);
    expect((await new LocalFile(at("empty")).stat()).size).toBe(0);
    expect((await new LocalFile(at("sparse")).stat()).size).toBe(4096);
  });
});

describe("A root that is missing", () => {
  it("is warned of once, and that of a storage is not", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    await expect(new LocalFile("a.txt", { root: at("typo") }).stat()).rejects.toThrow(FileNotFoundError);
    await expect(new LocalFile("b.txt", { root: at("typo") }).stat()).rejects.toThrow(FileNotFoundError);
    await writeFile(at("no-folder"), "");
    await expect(new LocalFile("a.txt", { root: at("no-folder") }).stat()).rejects.toThrow(FileNotFoundError);
    await expect(new LocalFile("missing.txt", { root }).stat()).rejects.toThrow(FileNotFoundError);
    await expect(new FileSystemStorage(at("later")).stat("a.txt")).rejects.toThrow(FileNotFoundError);
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      `The root "${at("typo")}" does not exist: every file below it is a 404`,
      `The root "${at("no-folder")}" is no folder: every file below it is a 404`,
    ]);
    warnings.mockRestore();
  });
});
