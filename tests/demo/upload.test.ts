import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { parseContentDisposition } from "downloadview/http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDemo } from "../../demo/app.ts";
import { listen } from "../support/sockets.ts";
import { bytesOf, sha256, startDemo, upload, type RunningDemo } from "./running-demo.ts";

const uploadLimit = 5_000_000;
let demo: RunningDemo;
beforeAll(async () => void (demo = await startDemo({ uploadLimit })));
afterAll(() => demo[Symbol.asyncDispose]());

const page = async (): Promise<string> => (await fetch(demo.url)).text();
const files = (): Promise<string[]> => readdir(join(demo.dataDir, "files"), { recursive: true });

async function uploaded(name: string, body: BodyInit = "content"): Promise<string> {
  const response = await upload(demo, name, body);
  expect(response.status).toBe(201);
  return response.headers.get("location") ?? "";
}

describe("a document that is uploaded", () => {
  it("is listed, comes back as it was, and is gone when it is deleted", async () => {
    const before = await files();
    const content = randomBytes(3_000_000);
    const location = await uploaded("Holiday plans.pdf", content);
    expect(location).toMatch(/^\/documents\/holiday-plans-[0-9a-f]{6}$/);
    expect(await page()).toContain(`href="${location}"`);

    const download = await fetch(demo.url + location);
    expect(download.headers.get("content-type")).toBe("application/pdf");
    expect(download.headers.get("content-length")).toBe("3000000");
    expect(download.headers.get("content-disposition")).toBe('attachment; filename="Holiday plans.pdf"');
    expect(sha256(await bytesOf(download))).toBe(sha256(content));

    const slug = location.slice("/documents/".length);
    const sum = await (await fetch(`${demo.url}/object/another-file/${slug}`)).text();
    expect(sum).toBe(`${createHash("sha256").update(content).digest("hex")}  ${slug}.pdf\n`);

    expect((await fetch(demo.url + location, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(demo.url + location)).status).toBe(404);
    expect((await fetch(demo.url + location, { method: "DELETE" })).status).toBe(404);
    expect(await page()).not.toContain(location);
    expect(await files()).toEqual(before);
  });

  it("may be empty", async () => {
    const response = await fetch(demo.url + (await uploaded("empty.txt", "")));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("0");
  });

  it("may have the name of another one", async () => {
    const [first, second] = [await uploaded("same.txt", "first"), await uploaded("same.txt", "second")];
    expect(await (await fetch(demo.url + first)).text()).toBe("first");
    expect(await (await fetch(demo.url + second)).text()).toBe("second");
  });

  it("is served with the type of its name, whatever the request said of it", async () => {
    const response = await upload(demo, "plan.txt", "<script>", { headers: { "Content-Type": "text/html" } });
    const { headers } = await fetch(demo.url + (response.headers.get("location") ?? ""));
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  });
});

describe("a hostile name", () => {
  const names: readonly (readonly [name: string, shown: string, saved: string | undefined])[] = [
    ["../../etc/passwd", "../../etc/passwd", ".._.._etc_passwd"],
    ["..\\..\\boot.ini", "..\\..\\boot.ini", ".._.._boot.ini"],
    ["/etc/shadow", "/etc/shadow", "_etc_shadow"],
    ["..", "..", undefined],
    ["<script>alert(1)</script>.html", "&lt;script&gt;alert(1)&lt;/script&gt;.html", "<script>alert(1)<_script>.html"],
    [
      `"><img src=x onerror=alert(1)>.png`,
      "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;.png",
      `"><img src=x onerror=alert(1)>.png`,
    ],
    ["it's 100%41 & more.txt", "it&#39;s 100%41 &amp; more.txt", "it's 100%41 & more.txt"],
    ["${alert(1)}.txt", "${alert(1)}.txt", "${alert(1)}.txt"],
    ["😈 résumé 履歴書.txt", "😈 résumé 履歴書.txt", "😈 résumé 履歴書.txt"],
    ["annexe\u202etxt.exe", "annexetxt.exe", "annexetxt.exe"],
    ["two\r\nSet-Cookie: lines.txt", "twoSet-Cookie: lines.txt", "twoSet-Cookie: lines.txt"],
    ["nul\0.txt", "nul.txt", "nul.txt"],
    ["CON.txt", "CON.txt", "CON.txt"],
  ];

  it.each(names)("is shown escaped, and saved without its path: %j", async (name, shown, saved) => {
    const location = await uploaded(name);
    expect(location).toMatch(/^\/documents\/[a-z0-9-]+$/);
    const row = (await page()).split("<tr").find((part) => part.includes(`href="${location}"`)) ?? "";
    expect(row).toContain(`data-name="${shown}"`);
    expect(row).toContain(`<bdi>${shown}</bdi>`);

    const { status, headers } = await fetch(demo.url + location);
    expect(status).toBe(200);
    expect(headers.get("set-cookie")).toBeNull();
    const { type, filename } = parseContentDisposition(headers.get("content-disposition") ?? "");
    expect([type, filename]).toEqual(["attachment", saved]);
  });

  it("never becomes part of a path", async () => {
    await uploaded("../../../../outside.txt");
    await uploaded(`${"x".repeat(300)}.${"y".repeat(300)}`);
    await uploaded(".htaccess");
    for (const name of await files())
      expect(name).toMatch(/^(object(-other)?|[A-Z-]+\.TXT|[\w/-]+(\.[a-z0-9]{1,10})?)$/);
  });

  it("is cut between characters where it is long", async () => {
    const { headers } = await fetch(demo.url + (await uploaded("😈".repeat(300))));
    const { filename } = parseContentDisposition(headers.get("content-disposition") ?? "");
    expect(filename).toBe("😈".repeat(63));
  });

  it.each([
    ["none", ""],
    ["nothing", "?name="],
    ["only blanks", "?name=%20%0a"],
    ["two", "?name=a&name=b"],
  ])("of which there is %s is refused", async (_what, query) => {
    const response = await fetch(`${demo.url}/documents${query}`, { method: "POST", body: "content" });
    expect(response.status).toBe(400);
  });
});

describe("an upload that is too large", () => {
  it("is refused at once where it says so", async () => {
    const before = await files();
    const response = await upload(demo, "large.bin", Buffer.alloc(uploadLimit + 1));
    expect(response.status).toBe(413);
    expect(await files()).toEqual(before);
  });

  it("is refused when it shows, where it did not say so", async () => {
    const before = await files();
    const body = new Blob([new Uint8Array(uploadLimit + 500_000)]).stream();
    const response = await upload(demo, "large.bin", body, { duplex: "half" } as RequestInit);
    expect(response.status).toBe(413);
    expect(await files()).toEqual(before);
    // On the same connection, which the rest of that body must not block.
    expect((await fetch(demo.url)).status).toBe(200);
  });

  it("is taken where it fits exactly", async () => {
    await uploaded("exact.bin", Buffer.alloc(uploadLimit));
  });
});

describe("an upload that breaks off", () => {
  it("leaves nothing behind", async () => {
    const [before, list] = [await files(), await page()];
    const { hostname, port } = new URL(demo.url);
    const path = "/documents?name=broken.txt";
    const sending = request({ hostname, port, path, method: "POST", headers: { "Content-Length": 1_000_000 } });
    sending.on("error", () => undefined);
    sending.write(Buffer.alloc(500_000));
    // Until the demo has begun to write it down.
    let during = before;
    while (during.length === before.length) during = await files();
    sending.destroy();
    while ((await files()).length > before.length) await new Promise((resolve) => setImmediate(resolve));
    expect(await page()).toBe(list);
  });
});

describe("a change that another site asks for", () => {
  const headers: readonly (readonly [what: string, headers: Record<string, string>, status: number])[] = [
    ["another site, by a browser", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }, 403],
    ["another port of this machine", { "Sec-Fetch-Site": "same-site" }, 403],
    ["another site, by an old browser", { Origin: "https://evil.example" }, 403],
    ["a sandboxed page", { Origin: "null" }, 403],
    ["this site", { "Sec-Fetch-Site": "same-origin" }, 201],
    ["no browser", {}, 201],
  ];

  it.each(headers)("is answered by where it comes from: %s", async (_what, sent, status) => {
    const { hostname, port } = new URL(demo.url);
    const sending = request({ hostname, port, path: "/documents?name=a.txt", method: "POST", headers: sent }).end("a");
    const [response] = (await once(sending, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(status);
  });

  it("is allowed to an old browser that is on this site", async () => {
    expect((await upload(demo, "a.txt", "a", { headers: { Origin: demo.url } })).status).toBe(201);
  });

  it("deletes nothing", async () => {
    const location = await uploaded("stays.txt");
    const headers = { Origin: "https://evil.example" };
    expect((await fetch(demo.url + location, { method: "DELETE", headers })).status).toBe(403);
    expect((await fetch(demo.url + location)).status).toBe(200);
  });
});

describe("a document that is deleted while it is downloaded", () => {
  it("arrives whole", async () => {
    const content = randomBytes(4_000_000);
    const location = await uploaded("going.bin", content);
    const response = await fetch(`${demo.url}${location}?line=slow`);
    expect((await fetch(demo.url + location, { method: "DELETE" })).status).toBe(204);
    expect(sha256(await bytesOf(response))).toBe(sha256(content));
  });
});

describe("a library that was used before", () => {
  it("is as it was left, and is not seeded again", async () => {
    const dataDir = join(demo.scratchDir, "twice");
    const first = await createDemo({ dataDir });
    {
      await using server = await listen(first.app);
      expect((await fetch(`${server.url}/documents/sunset`, { method: "DELETE" })).status).toBe(204);
    }
    await first.close();

    const second = await createDemo({ dataDir });
    {
      await using server = await listen(second.app);
      expect((await fetch(`${server.url}/documents/sunset`)).status).toBe(404);
      expect((await fetch(`${server.url}/documents/greetings`)).status).toBe(200);
    }
    await second.close();
  });
});
