import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { assertDownloadResponse, setupView } from "../testing/index.ts";
import { PathDownloadView } from "./path-download-view.ts";
import type { ViewOptions } from "./view.ts";

/** `media/`, which is served, and what must not be, beside it. */
let folder: string;
let root: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "path-view-")));
  root = join(folder, "media");
  await mkdir(join(root, "reports/.drafts"), { recursive: true });
  await mkdir(join(folder, "media-private"));
  const files = ["media/hello.txt", "media/reports/q1 été.txt", "media/reports/.drafts/q2.txt", "media/.env"];
  const strange = ["media/100%.txt", "media/%2e%2e.txt", "media/a\\b.txt", "media/..notes.txt"];
  for (const name of [...files, ...strange]) await writeFile(join(folder, name), name);
  await writeFile(join(folder, "media-private/secret.txt"), "secret");
  await writeFile(join(folder, "secret.txt"), "secret");
  await symlink(join(root, "hello.txt"), join(root, "link-in.txt"));
  await symlink(join(folder, "secret.txt"), join(root, "link-out.txt"));
  await symlink(join(folder, "media-private"), join(root, "folder-out"));
  await symlink("../media-private/secret.txt", join(root, "relative-out.txt"));
  await symlink("loop.txt", join(root, "loop.txt"));
  await promisify(execFile)("mkfifo", [join(root, "fifo")]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function get(path: string | undefined, options: ViewOptions<PathDownloadView> = {}): Promise<Response> {
  return respond(PathDownloadView.asView({ root, ...options }), { params: { path } });
}

describe("PathDownloadView with a path", () => {
  it("serves that file, whatever the URL says", async () => {
    const handler = PathDownloadView.asView({ path: join(root, "hello.txt") });
    const expected = { filename: "hello.txt", contentType: "text/plain", size: 15, content: "media/hello.txt" };
    await assertDownloadResponse(respond(handler), expected);
    await assertDownloadResponse(respond(handler, { params: { path: join(folder, "secret.txt") } }), expected);
  });

  it.each(["missing.txt", "reports", "", "hello.txt/more"])("has no file at %j", async (name) => {
    const handler = PathDownloadView.asView({ path: `${root}/${name}` });
    expect((await respond(handler)).status).toBe(404);
  });

  it("takes it from the root, relative or absolute", async () => {
    for (const path of ["reports/q1 été.txt", join(root, "reports/q1 été.txt")]) {
      await assertDownloadResponse(get(undefined, { path }), { filename: "q1 été.txt" });
    }
    expect((await get(undefined, { path: join(folder, "secret.txt") })).status).toBe(404);
  });

  it("answers 304 while the file is the same", async () => {
    const path = join(root, "reports/q1 été.txt");
    await utimes(path, new Date(), new Date("2026-01-31T12:00:00Z"));
    const handler = PathDownloadView.asView({ path });
    const etag = (await respond(handler)).headers.get("ETag") ?? "";
    expect(etag).toMatch(/^"/);
    expect((await respond(handler, { headers: { "If-None-Match": etag } })).status).toBe(304);
    const since = { "If-Modified-Since": "Sat, 31 Jan 2026 12:00:00 GMT" };
    expect((await respond(handler, { headers: since })).status).toBe(304);
  });

  it("gives a LocalFile", async () => {
    const file = await setupView(Object.assign(new PathDownloadView(), { path: join(root, "hello.txt") })).getFile();
    expect(file).toBeInstanceOf(LocalFile);
    expect(file.path).toBe(join(root, "hello.txt"));
  });
});

describe("PathDownloadView with a root", () => {
  it.each([
    ["hello.txt", "hello.txt"],
    ["reports/q1 été.txt", "q1 été.txt"],
    ["link-in.txt", "link-in.txt"],
    ["100%.txt", "100%.txt"],
    ["%2e%2e.txt", "%2e%2e.txt"],
    ["..notes.txt", "..notes.txt"],
  ])("serves what the URL names: %j", async (path, basename) => {
    await assertDownloadResponse(get(path, { dotfiles: "allow" }), { filename: basename });
  });

  it.each([
    ["nothing", undefined],
    ["an empty name", ""],
    ["a missing file", "missing.txt"],
    ["the root itself", "."],
    ["a folder", "reports"],
    ["a folder with its slash", "reports/"],
    ["a file with a slash", "hello.txt/"],
    ["a file taken for a folder", "hello.txt/more"],
    ["an empty segment", "reports//q1 été.txt"],
    ["a dot segment", "./hello.txt"],
    ["the folder above", ".."],
    ["a file above", "../secret.txt"],
    ["a file above, by way of a folder", "reports/../../secret.txt"],
    ["a file inside, by way of the folder above", "../media/hello.txt"],
    ["a file inside, by way of its own folder", "reports/../hello.txt"],
    ["a folder whose name begins like the root's", "../media-private/secret.txt"],
    ["an encoded way up, decoded once", "%2e%2e/secret.txt"],
    ["an encoded separator, decoded once", "..%2fsecret.txt"],
    ["a backslash", "..\\secret.txt"],
    ["an overlong encoding", "..%c0%afsecret.txt"],
    ["a NUL", "hello.txt\0"],
    ["a NUL before an extension", "hello.txt\0.png"],
    ["a symlink out", "link-out.txt"],
    ["a relative symlink out", "relative-out.txt"],
    ["a file behind a folder that is a symlink out", "folder-out/secret.txt"],
    ["a symlink to itself", "loop.txt"],
    ["a FIFO, at once", "fifo"],
    ["a name that is too long", "a".repeat(300)],
    ["a path that is too long", "a/".repeat(3000)],
    ["half a surrogate pair", "\ud800.txt"],
  ])("has no file for %s", async (_, path) => {
    const response = await get(path, { dotfiles: "allow" });
    expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
  });

  it.each(["/etc/hostname", "//etc/hostname", "file:///etc/hostname", "C:\\secret.txt"])(
    "has no file for the absolute path %j",
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it("does not tell a client that guesses where the root is that it guessed right", async () => {
    expect((await get(join(root, "hello.txt"))).status).toBe(404);
    expect((await get(join(folder, "media-private/secret.txt"))).status).toBe(404);
  });

  it.each([".env", "reports/.drafts/q2.txt"])("has no file for %j, unless dotfiles are allowed", async (path) => {
    expect((await get(path)).status).toBe(404);
    expect((await get(path, { dotfiles: "deny" })).status).toBe(404);
    expect((await get(path, { dotfiles: "allow" })).status).toBe(200);
  });

  it("serves its path where the URL gives none", async () => {
    await assertDownloadResponse(get(undefined, { path: "hello.txt" }), { filename: "hello.txt" });
    await assertDownloadResponse(get("link-in.txt", { path: "hello.txt" }), { filename: "link-in.txt" });
  });

  it("takes another parameter of the URL", async () => {
    const handler = PathDownloadView.asView({ root, pathParam: "name" });
    await assertDownloadResponse(respond(handler, { params: { name: "hello.txt", path: "x" } }), {
      filename: "hello.txt",
    });
    expect((await respond(handler, { params: { path: "hello.txt" } })).status).toBe(404);
  });

  it("may itself be behind a symlink, or end in a slash", async () => {
    const link = join(folder, "current");
    await symlink(root, link);
    for (const other of [link, `${root}/`]) await assertDownloadResponse(get("hello.txt", { root: other }));
    expect((await get("link-out.txt", { root: link })).status).toBe(404);
  });

  it("serves nothing while it isn't there", async () => {
    expect((await get("hello.txt", { root: join(folder, "missing") })).status).toBe(404);
  });
});

describe("getPath", () => {
  it("may be overridden to make the path, which the root still contains", async () => {
    class LowerCase extends PathDownloadView {
      override async getPath(): Promise<string | undefined> {
        return (await super.getPath())?.toLowerCase();
      }
    }
    const handler = LowerCase.asView({ root });
    await assertDownloadResponse(respond(handler, { params: { path: "HELLO.TXT" } }), { filename: "hello.txt" });
    expect((await respond(handler, { params: { path: "../SECRET.TXT" } })).status).toBe(404);
  });

  it("may be overridden in place of a path and a root", async () => {
    const handler = PathDownloadView.asView({
      getPath() {
        return join(root, `${this.params["name"]}.txt`);
      },
    });
    await assertDownloadResponse(respond(handler, { params: { name: "hello" } }), { filename: "hello.txt" });
    expect((await respond(handler, { params: { name: "hello\0" } })).status).toBe(404);
    expect((await respond(PathDownloadView.asView({ getPath: () => undefined }))).status).toBe(404);
  });

  it("refuses an absolute path of the URL with the error that the view documents", async () => {
    const view = setupView(Object.assign(new PathDownloadView(), { root }), "/", { path: "/etc/hostname" });
    await expect(view.getFile()).rejects.toBeInstanceOf(InvalidPathError);
  });
});

describe("PathDownloadView.asView", () => {
  it.each<[string, ViewOptions<PathDownloadView>]>([
    ["neither a path nor a root", {}],
    ["an unset path and an unset root", { path: undefined, root: undefined }],
    ["an empty path", { path: "" }],
    ["an empty root, which would be the working directory", { root: "" }],
    ["an empty root beside a path", { root: "", path: "package.json" }],
    ["a NUL in its path", { path: "/srv/a\0" }],
    ["a NUL in its root", { root: "/srv\0" }],
  ])("refuses %s", (_, options) => {
    expect(() => PathDownloadView.asView(options)).toThrow(ImproperlyConfiguredError);
  });

  it("says in the error what to give", () => {
    expect(() => PathDownloadView.asView()).toThrow(/asView\(\{ path: .*asView\(\{ root: /);
  });

  it("needs neither where a subclass has a getFile() of its own", async () => {
    class Fixed extends PathDownloadView {
      override getFile(): LocalFile {
        return new LocalFile(join(root, "hello.txt"));
      }
    }
    await assertDownloadResponse(respond(Fixed.asView()), { filename: "hello.txt" });
  });
});
