import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDemo } from "./demo.ts";
import { run } from "./run.ts";
import { runServe } from "./serve.ts";

let folder: string;
let port: number;
const stop = new AbortController();
let ended: Promise<number>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-serve-"));
  await mkdir(join(folder, "shared/a folder"), { recursive: true });
  await mkdir(join(folder, "shared/.git"));
  await mkdir(join(folder, "outside"));
  await writeFile(join(folder, "outside/secret.txt"), "secret");
  await writeFile(join(folder, "shared/numbers.txt"), "0123456789");
  await writeFile(join(folder, "shared/.env"), "secret");
  await writeFile(join(folder, `shared/<img src=x>'".txt`), "odd");
  await writeFile(join(folder, "shared/page.html"), "<script>1</script>");
  await symlink("../outside", join(folder, "shared/way-out"));
  await symlink(".git", join(folder, "shared/hidden"));
  const line = await new Promise<string>((told) => {
    const io = { env: {}, stdout: told, stderr: told };
    ended = runServe(["shared", "--port", "0"], io, folder, stop.signal);
  });
  port = Number(/:(\d+)\/$/m.exec(line)?.[1]);
});
afterAll(async () => {
  stop.abort();
  expect(await ended).toBe(0);
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

// Not by fetch, which would take `..` out of a path.
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((answered, failed) => {
    request({ port, host: "127.0.0.1", path, headers, method }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => answered({ status: response.statusCode, headers: response.headers, text }));
    })
      .on("error", failed)
      .end();
  });
}

describe("downloadview serve", () => {
  it("lists a folder, without dotfiles and symlinks, and escapes names", async () => {
    const { status, text, headers } = await ask("/");
    expect(status).toBe(200);
    expect(
      Array.from(text.matchAll(/<li><a href="([^"]*)"><bdi>(.*)<\/bdi>/g), ([, href, name]) => [href, name]),
    ).toEqual([
      ["/a%20folder/", "a folder/"],
      ["/%3Cimg%20src%3Dx%3E'%22.txt", "&lt;img src=x&gt;&#39;&quot;.txt"],
      ["/numbers.txt", "numbers.txt"],
      ["/page.html", "page.html"],
    ]);
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
  });

  it("serves the files that it lists, with ranges", async () => {
    expect((await ask("/%3Cimg%20src%3Dx%3E'%22.txt")).text).toBe("odd");
    expect(await ask("/numbers.txt", { Range: "bytes=2-4" })).toMatchObject({ status: 206, text: "234" });
    expect((await ask("/numbers.txt")).headers["content-disposition"]).toBe('inline; filename="numbers.txt"');
  });

  it("shows a page in a sandbox", async () => {
    expect((await ask("/page.html")).headers["content-security-policy"]).toContain("sandbox");
  });

  it("sends a folder without its slash there", async () => {
    expect(await ask("/a%20folder?x")).toMatchObject({ status: 307, headers: { location: "/a%20folder/" } });
    expect((await ask("/a%20folder/")).text).toContain('href="../"');
  });

  it.each([
    "/missing",
    "/missing/",
    "/../outside/secret.txt",
    "/..%2foutside%2fsecret.txt",
    "/%2e%2e/outside/",
    "/..%5coutside/",
    "/way-out/",
    "/way-out",
    "/way-out/secret.txt",
    "/hidden/",
    "/hidden",
    "/.env",
    "/.git/",
    "//outside/",
    "/a%20folder//",
    "/%00",
    "/%zz",
    "/numbers.txt/",
  ])("answers 404 for %s", async (path) => {
    expect(await ask(path)).toMatchObject({ status: 404, text: "Not found\n" });
  });

  it.each(["evil.test", "127.0.0.1.evil.test", "evil.test:3000"])("answers 403 for the host %s", async (Host) => {
    expect(await ask("/", { Host })).toMatchObject({ status: 403 });
    expect(await ask("/numbers.txt", { Host })).toMatchObject({ status: 403 });
  });

  it("answers 405 for other methods", async () => {
    expect(await ask("/", {}, "POST")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    expect(await ask("/numbers.txt", {}, "DELETE")).toMatchObject({ status: 405 });
  });

  it.each([
    [["missing"], '"missing" is not a folder'],
    [["shared", "--port", "http"], "--port must be a number from 0 to 65535"],
    [["shared", "outside"], "One folder, got 2"],
  ])("%j is a mistake that it explains", async (args, message) => {
    let err = "";
    const io = { env: {}, stdout: () => undefined, stderr: (text: string) => void (err += text) };
    expect(await runServe(args, io, folder, AbortSignal.abort())).toBe(2);
    expect(err).toContain(message);
  });

  it("says that a port is taken", async () => {
    let err = "";
    const io = { env: {}, stdout: () => undefined, stderr: (text: string) => void (err += text) };
    expect(await runServe(["shared", "--port", String(port)], io, folder, AbortSignal.abort())).toBe(2);
    expect(err).toContain(`Port ${port} is taken`);
  });
});

describe("downloadview serve --links", () => {
  const stopping = new AbortController();
  let url: string;
  let done: Promise<number>;
  beforeAll(async () => {
    const line = await new Promise<string>((told) => {
      const io = { env: {}, stdout: told, stderr: told };
      done = runServe(["shared", "--port", "0", "--links", "1h"], io, folder, stopping.signal);
    });
    url = /http:\S+/.exec(line)?.[0] ?? "";
  });
  afterAll(async () => {
    stopping.abort();
    expect(await done).toBe(0);
  });

  const fromAfar: readonly Record<string, string>[] = [
    { Host: "files.example" },
    { "X-Forwarded-For": "203.0.113.7" },
    { "X-Forwarded-Host": "files.example" },
    { Forwarded: "for=203.0.113.7" },
    { Via: "1.1 tunnel" },
  ];
  const askAt = (path: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const before = port;
    port = Number(new URL(url).port);
    const answer = ask(path, headers);
    port = before;
    return answer;
  };
  const linkOf = async (name: string): Promise<string> => {
    const { text } = await askAt("/");
    const [, link = ""] = new RegExp(`<bdi>${name}</bdi></a> · <a href="([^"]+)">`).exec(text) ?? [];
    return link.replaceAll("&amp;", "&");
  };

  it("shows a link beside each file to whoever is at this machine, who needs none", async () => {
    expect(await linkOf("numbers.txt")).toMatch(/^\/numbers\.txt\?X-Expires=\d+&X-Signature=/);
    expect(await askAt("/numbers.txt")).toMatchObject({ status: 200, text: "0123456789" });
  });

  it.each(fromAfar)("serves what has its link, and nothing else, to a request with %j", async (headers) => {
    const link = await linkOf("numbers.txt");
    expect(await askAt(link, headers)).toMatchObject({ status: 200, text: "0123456789" });
    for (const path of ["/", "/numbers.txt", "/a%20folder/", link.replace("numbers.txt", "page.html"), `${link}0`]) {
      expect(await askAt(path, headers)).toMatchObject({ status: 403, text: "Failed\n" });
    }
  });

  it.each(["0", "soon", ""])("explains that %j is no time", async (time) => {
    let err = "";
    const io = { env: {}, stdout: () => undefined, stderr: (text: string) => void (err += text) };
    expect(await runServe(["shared", "--links", time], io, folder, AbortSignal.abort())).toBe(2);
    expect(err).toContain("--links must be a time such as 1h or 7d");
  });
});

describe("downloadview demo", () => {
  it("serves its samples until it is stopped, and removes them", async () => {
    const stopping = new AbortController();
    let ran: Promise<number> | undefined;
    const said = await new Promise<string>((told) => {
      const io = { env: {}, stdout: told, stderr: told };
      ran = runDemo(["--port", "0"], io, stopping.signal);
    });
    const [, served = "", url = ""] = /Serving (\S+) at (\S+)/.exec(said) ?? [];
    const [, hello = ""] = /curl -i (\S+)/.exec(said) ?? [];
    expect(await (await fetch(hello)).text()).toBe("Hello world!\n");
    const part = await fetch(`${url}One%20gigabyte.bin`, { headers: { Range: "bytes=999999990-" } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
    stopping.abort();
    expect(await ran).toBe(0);
    await expect(stat(served)).rejects.toThrow("ENOENT");
  });
});

describe("downloadview", () => {
  const said = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    const ran = { out: "", err: "" };
    const stdout = (text: string): void => void (ran.out += text);
    const code = await run(args, { env: {}, stdout, stderr: (text) => void (ran.err += text) });
    return { code, ...ran };
  };

  it("prints its help without arguments", async () => {
    expect(await said()).toEqual(await said("--help"));
    expect(await said()).toMatchObject({ code: 0, err: "", out: expect.stringContaining("downloadview serve") });
  });

  it.each(["--version", "-v"])("prints its version for %s", async (option) => {
    expect(await said(option)).toEqual({ code: 0, err: "", out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/) });
  });
});
