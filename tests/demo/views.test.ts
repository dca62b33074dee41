import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedsDir } from "../../demo/seed.ts";
import { sections, serverSections } from "../../demo/sections.ts";
import { codeOf } from "../../demo/source.ts";
import { bytesOf, sha256, startDemo, type RunningDemo } from "./running-demo.ts";

let demo: RunningDemo;
beforeAll(async () => void (demo = await startDemo()));
afterAll(() => demo[Symbol.asyncDispose]());

const hello = Buffer.from("Hello world!\n");
const seed = (name: string): Promise<Buffer> => readFile(join(seedsDir, name));
const greetingsName = `attachment; filename="Gru_e aus __ _.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20aus%20%E6%9D%B1%E4%BA%AC%20%F0%9F%97%BC.txt`;

interface Answer {
  readonly href: string;
  readonly type: string;
  readonly disposition: string;
  readonly content: () => Promise<Buffer> | Buffer;
}

const text = "text/plain; charset=utf-8";
const helloDisposition = 'attachment; filename="hello-world.txt"';

const answers: readonly Answer[] = [
  {
    href: "/documents/how-a-download-travels",
    type: "application/pdf",
    disposition: 'attachment; filename="How a download travels.pdf"',
    content: () => seed("how-a-download-travels.pdf"),
  },
  {
    href: "/documents/mountain-lake",
    type: "image/png",
    disposition: 'attachment; filename="Mountain lake.png"',
    content: () => seed("mountain-lake.png"),
  },
  {
    href: "/documents/sunset",
    type: "video/webm",
    disposition: 'attachment; filename="Sunset at the lake.webm"',
    content: () => seed("sunset.webm"),
  },
  { href: "/documents/greetings", type: text, disposition: greetingsName, content: () => seed("greetings.txt") },
  {
    href: "/documents/weather",
    type: "text/csv; charset=utf-8",
    disposition: 'attachment; filename="Weather at the lake, minute by minute.csv"',
    content: () => readFile(join(demo.dataDir, "files/object/weather.csv")),
  },
  {
    href: "/documents/hostile-page",
    type: "text/html; charset=utf-8",
    disposition: 'attachment; filename="Hostile page.html"',
    content: () => seed("wants-to-run.html"),
  },
  {
    href: "/documents/hostile-drawing",
    type: "image/svg+xml",
    disposition: 'attachment; filename="Hostile drawing.svg"',
    content: () => seed("wants-to-run.svg"),
  },
  {
    href: "/object/default-file/greetings",
    type: text,
    disposition: 'attachment; filename="greetings.txt"',
    content: () => seed("greetings.txt"),
  },
  {
    href: "/object/another-file/greetings",
    type: "application/octet-stream",
    disposition: 'attachment; filename="greetings.sha256"',
    content: async () => Buffer.from(`${sha256(await seed("greetings.txt"))}  greetings.txt\n`),
  },
  {
    href: "/object/deserialized_basename/greetings",
    type: text,
    disposition: greetingsName,
    content: () => seed("greetings.txt"),
  },
  {
    href: "/object/inline-file/greetings",
    type: text,
    disposition: 'inline; filename="greetings.txt"',
    content: () => seed("greetings.txt"),
  },
  { href: "/storage/static-path/hello-world.txt", type: text, disposition: helloDisposition, content: () => hello },
  {
    href: "/storage/dynamic-path/hello-loud.txt",
    type: text,
    disposition: 'attachment; filename="HELLO-LOUD.TXT"',
    content: () => Buffer.from("HELLO WORLD!\n"),
  },
  { href: "/path/static-path", type: text, disposition: helloDisposition, content: () => hello },
  {
    href: "/path/dynamic-path/mountain-lake.png",
    type: "image/png",
    disposition: 'attachment; filename="mountain-lake.png"',
    content: () => seed("mountain-lake.png"),
  },
  { href: "/http/simple_url", type: text, disposition: helloDisposition, content: () => hello },
  {
    href: "/http/avatar_url/ada",
    type: "image/png",
    disposition: 'inline; filename="avatar.png"',
    content: () => seed("avatar.png"),
  },
  { href: "/virtual/text", type: text, disposition: helloDisposition, content: () => hello },
  { href: "/virtual/stringio", type: text, disposition: helloDisposition, content: () => hello },
  {
    href: "/virtual/generated",
    type: text,
    disposition: helloDisposition,
    content: () => Buffer.from("3 …\n2 …\n1 …\nHello world!\n"),
  },
];

/** What is made or fetched once. */
const keptLinks = ["/kept/report", "/kept/picture"];

/** What a server in front would act upon, and reaches the client where there is none. */
const handedOver: readonly { href: string; field: string; target: string; test: string | null }[] = [
  ...pagesOf("nginx", "X-Accel-Redirect"),
  ...pagesOf("apache", "X-Sendfile"),
  ...pagesOf("lighttpd", "X-Sendfile"),
];

function pagesOf(server: string, field: string): typeof handedOver {
  const page = (path: string, folder: string, test: string | null): (typeof handedOver)[number] => ({
    href: `/${server}/${path}/`,
    field,
    target: `/${server}-${folder}/hello-world.txt`,
    test,
  });
  return [
    page("optimized-by-middleware", "optimized-by-middleware", null),
    page("optimized-by-decorator", "optimized-by-decorator", null),
    page("modified_headers", "modified-headers", "header"),
  ];
}

describe("the demo's page", () => {
  it("links exactly to what the answers below are about", async () => {
    const page = await (await fetch(demo.url)).text();
    const hrefs = Array.from(page.matchAll(/<a [^>]*href="([^"]+)"/g), ([, href]) => href);
    // What only a server would send is no link here: it would save an empty file.
    const answered = [...answers.map(({ href }) => href), ...keptLinks];
    expect(hrefs).toHaveLength(answered.length);
    expect(new Set(hrefs)).toEqual(new Set(answered));
  });

  it("lists each document with its type, its size and its day", async () => {
    const page = await (await fetch(demo.url)).text();
    const row = /<tr\s+data-slug="sunset"[\s\S]*?<\/tr>/.exec(page)?.[0];
    expect(row).toContain("Sunset at the lake.webm");
    expect(row).toContain("video/webm");
    expect(row).toContain("2.4 MB");
    expect(row).toContain('aria-label="Download Sunset at the lake.webm"');
    expect(row).toContain(new Date().toISOString().slice(0, 10));
  });

  it("lets nothing in from elsewhere", async () => {
    const response = await fetch(demo.url);
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.match(/(?:src|href)="(?!\/)[^"]*"/g)).toBeNull();
  });

  it("shows the code of each link", () => {
    const routes = [...sections("greetings"), ...serverSections].flatMap(({ links }) => links);
    expect(routes).toHaveLength(24);
    for (const { route } of routes) expect(codeOf(route), route).toMatch(/^[\w.]+\([\s\S]+\)$/);
  });

  it("says that nothing stands in front of it", async () => {
    const page = await (await fetch(demo.url)).text();
    expect(page).toContain("Nothing stands in front of this demo now");
    expect(page).not.toContain("sent by nginx");
  });
});

describe.each(answers)("$href", ({ href, type, disposition, content }) => {
  it("answers with the file, under its name", async () => {
    const response = await fetch(demo.url + href);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(type);
    expect(response.headers.get("content-disposition")).toBe(disposition);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    // A compressor on the way would end the ranges that are offered.
    const isRanged = response.headers.has("accept-ranges");
    expect(response.headers.get("cache-control")).toBe(`private, no-cache${isRanged ? ", no-transform" : ""}`);
    expect(sha256(await bytesOf(response))).toBe(sha256(await content()));
  });

  it("answers HEAD with the same fields and no body", async () => {
    const [head, get] = await Promise.all([fetch(demo.url + href, { method: "HEAD" }), fetch(demo.url + href)]);
    await get.body?.cancel();
    expect(head.status).toBe(200);
    for (const name of ["content-type", "content-disposition", "content-length", "etag", "last-modified"]) {
      expect(head.headers.get(name), name).toBe(get.headers.get(name));
    }
    expect(await head.text()).toBe("");
  });

  it("answers 304 to whoever has this version, or says that it cannot tell versions apart", async () => {
    const { headers, body } = await fetch(demo.url + href);
    await body?.cancel();
    const etag = headers.get("etag");
    if (href === "/virtual/generated") return expect(etag).toBeNull();
    const again = await fetch(demo.url + href, { headers: { "If-None-Match": etag ?? "" } });
    expect(again.status).toBe(304);
  });
});

describe.each(keptLinks)("%s", (href) => {
  it("is made once, says hit or miss, and then has a length, an entity tag and ranges", async () => {
    const first = await fetch(demo.url + href);
    expect(first.headers.get("cache-status")).toBe("downloadview; fwd=miss; stored");
    const bytes = Buffer.from(await first.arrayBuffer());
    const hit = (): Promise<Response> => fetch(demo.url + href);
    await expect.poll(async () => (await hit()).headers.get("cache-status")).toMatch(/^downloadview; hit; ttl=\d+$/);
    const second = await hit();
    expect(Buffer.from(await second.arrayBuffer())).toEqual(bytes);
    expect(second.headers.get("content-length")).toBe(String(bytes.byteLength));
    expect(second.headers.get("etag")).toMatch(/^"/);
    const part = await fetch(demo.url + href, { headers: { Range: "bytes=-4" } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(-4)]);
  });
});

describe.each(handedOver)("$href", ({ href, field, target, test }) => {
  it("names the file for a server, and sends nothing of it", async () => {
    const response = await fetch(demo.url + href);
    expect(response.status).toBe(200);
    expect(response.headers.get(field)).toBe(target);
    expect(response.headers.get("content-type")).toBe(text);
    expect(response.headers.get("content-disposition")).toBe(helloDisposition);
    expect(response.headers.get("x-test")).toBe(test);
    expect(await response.text()).toBe("");
  });

  it("answers HEAD itself, with the length that the server will send", async () => {
    const { status, headers } = await fetch(demo.url + href, { method: "HEAD" });
    expect([status, headers.get(field), headers.get("content-length")]).toEqual([200, null, "13"]);
  });
});

describe("a document of one user", () => {
  const as = (user: string): RequestInit => ({ headers: { Cookie: `user=${user}` } });

  it.each(["/documents", "/previews"])("is missing for everybody else, as one that never was: %s", async (route) => {
    const url = `${demo.url}${route}/note-of-grace`;
    expect(await (await fetch(url, as("grace"))).text()).toBe("Only Grace may read this.\n");
    for (const user of ["ada", "", "GRACE", "__proto__"]) {
      const [response, missing] = await Promise.all([fetch(url, as(user)), fetch(`${demo.url}/nothing`, as(user))]);
      expect([response.status, await response.text()]).toEqual([404, await missing.text()]);
    }
  });

  it("is neither listed, nor deleted, nor put into an archive for another", async () => {
    expect(await (await fetch(demo.url, as("ada"))).text()).not.toContain("contract");
    const deleted = await fetch(`${demo.url}/documents/note-of-grace`, { method: "DELETE", ...as("ada") });
    expect(deleted.status).toBe(404);
    const body = new URLSearchParams([
      ["slug", "note-of-grace"],
      ["slug", "greetings"],
    ]);
    const archive = await fetch(`${demo.url}/selections`, { method: "POST", body, ...as("ada") });
    expect(archive.status).toBe(200);
    expect(Buffer.from(await archive.arrayBuffer()).toString("latin1")).not.toContain("Only Grace");
  });
});

describe("a link that is shared", () => {
  const share = async (slug: string, user = ""): Promise<Response> =>
    fetch(`${demo.url}/documents/${slug}/share`, { method: "POST", headers: { Cookie: `user=${user}` } });

  it("opens the one document that it was made for, three times", async () => {
    const { url, share: id } = (await (await share("note-of-ada", "ada")).json()) as { url: string; share: string };
    const left = async (): Promise<unknown> => (await fetch(`${demo.url}/shares/${id}`)).json();
    expect(await left()).toEqual({ left: 3 });
    for (const use of [2, 1, 0]) {
      // Another client each time: one client that asks again has had its bytes.
      const response = await fetch(url, { headers: { "User-Agent": `client ${use}` } });
      expect(await response.text()).toBe("Only Ada may read this.\n");
      expect(await left()).toEqual({ left: use });
    }
    expect((await fetch(url, { headers: { "User-Agent": "one more" } })).status).toBe(403);
  });

  it.each([
    ["another document", (url: string) => url.replace("note-of-ada", "note-of-grace")],
    ["another user", (url: string) => url.replace("by=ada", "by=grace")],
    ["another link", (url: string) => url.replace(/share=./, "share=x")],
    ["no signature", (url: string) => url.replace(/&X-Signature=[^&]*/, "")],
  ])("is refused when it is changed to %s", async (_what, change) => {
    const { url } = (await (await share("note-of-ada", "ada")).json()) as { url: string };
    expect(change(url)).not.toBe(url);
    expect((await fetch(change(url))).status).toBe(403);
  });

  it("is made by nobody who may not read the document", async () => {
    expect((await share("note-of-ada", "grace")).status).toBe(404);
    expect((await share("note-of-ada")).status).toBe(404);
  });
});

describe("the same document from elsewhere", () => {
  it.each(["disk", "memory", "s3", "remote"])("is the same, in ranges as well, and as private: %s", async (from) => {
    const url = `${demo.url}/from/${from}/weather`;
    const content = await readFile(join(demo.dataDir, "files/object/weather.csv"));
    expect(sha256(await bytesOf(await fetch(url)))).toBe(sha256(content));
    const range = await fetch(url, { headers: { Range: "bytes=1000000-1999999" } });
    expect([range.status, range.headers.get("etag")?.startsWith('"')]).toEqual([206, true]);
    expect(sha256(await bytesOf(range))).toBe(sha256(content.subarray(1_000_000, 2_000_000)));
    expect((await fetch(`${demo.url}/from/${from}/note-of-ada`)).status).toBe(404);
  });
});

describe("the demo's video", () => {
  it.each([
    ["bytes=0-0", "bytes 0-0/2417069", 0, 1],
    ["bytes=1000000-1000999", "bytes 1000000-1000999/2417069", 1_000_000, 1_001_000],
    ["bytes=-500", "bytes 2416569-2417068/2417069", 2_416_569, 2_417_069],
  ])("answers %s with that range", async (range, contentRange, start, end) => {
    const response = await fetch(`${demo.url}/object/inline-file/sunset`, { headers: { Range: range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(sha256(await bytesOf(response))).toBe(sha256((await seed("sunset.webm")).subarray(start, end)));
  });
});

describe("what a browser could run", () => {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
  it.each(["hostile-page", "hostile-drawing"])("is put into a sandbox where it is inline: %s", async (slug) => {
    const { headers, body } = await fetch(`${demo.url}/previews/${slug}`);
    await body?.cancel();
    expect(headers.get("content-disposition")).toMatch(/^inline;/);
    expect(headers.get("content-security-policy")).toBe(policy);
  });

  it("leaves the PDF viewer and the video player alone", async () => {
    for (const slug of ["how-a-download-travels", "sunset"]) {
      const { headers, body } = await fetch(`${demo.url}/object/inline-file/${slug}`);
      await body?.cancel();
      expect(headers.get("content-security-policy")).toBeNull();
    }
  });
});

describe("the slow line", () => {
  it("takes its time over the same bytes, in ranges as well", async () => {
    const started = performance.now();
    const url = `${demo.url}/documents/sunset?line=slow`;
    const response = await fetch(url, { headers: { Range: "bytes=1400000-2399999" } });
    expect(response.status).toBe(206);
    expect(response.headers.get("etag")).toMatch(/^"/);
    expect(sha256(await bytesOf(response))).toBe(sha256((await seed("sunset.webm")).subarray(1_400_000, 2_400_000)));
    expect(performance.now() - started).toBeGreaterThan(390);
  });
});

describe("what is not there", () => {
  const missing = [
    "/nothing",
    "/documents",
    "/documents/nothing",
    "/documents/..%2flibrary.db",
    "/documents/%zz",
    "/%",
    "/%zz",
    "/object/default-file/%00",
    "/object/inline-file/nothing",
    "/storage/static-path/nothing.txt",
    "/storage/static-path/..%2flibrary.db",
    "/storage/static-path/../library.db",
    "/storage/static-path/%2e%2e/library.db",
    "/storage/static-path/object",
    "/storage/static-path/%00",
    "/storage/dynamic-path/hello-world.txt",
    "/path/dynamic-path/../app.ts",
    "/path/dynamic-path/..%2fapp.ts",
    "/path/dynamic-path/%2e%2e%2fapp.ts",
    "/path/dynamic-path/..%5capp.ts",
    "/path/dynamic-path//etc/passwd",
    "/path/dynamic-path/%2fetc%2fpasswd",
    "/public/../app.ts",
    "/public/..%2fapp.ts",
    "/public",
    "/http/avatar_url/..%2f..%2fhello-world.txt",
    "/http/avatar_url/ada/more",
  ];

  /** Not by `fetch`, which would tidy the path up. */
  async function get(path: string): Promise<{ status: number | undefined; fields: object; body: string }> {
    const { hostname, port } = new URL(demo.url);
    const [response] = (await once(request({ hostname, port, path }).end(), "response")) as [IncomingMessage];
    const fields = { ...response.headers, date: undefined };
    return { status: response.statusCode, fields, body: await readText(response) };
  }

  it.each(missing)("looks like anything else that is not there: %s", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(response.fields).not.toHaveProperty("etag");
    expect(response).toEqual(await get("/nothing"));
  });

  it("has no body for HEAD either", async () => {
    const response = await fetch(`${demo.url}/documents/nothing`, { method: "HEAD" });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("");
  });
});
