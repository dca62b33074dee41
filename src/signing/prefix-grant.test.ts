import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadHandler, DownloadRequest, ViewContext } from "../responses/handler.ts";
import { DjangoURLSigner } from "./django-url-signer.ts";
import { limitedDownloads } from "./limited-downloads.ts";
import type { GrantKind, GrantOptions } from "./prefix-grant.ts";
import { signatureRequired, type SignatureRequiredOptions } from "./signature-required.ts";
import { URLSigner, type URLSignerOptions } from "./url-signer.ts";

const noon = Date.UTC(2026, 0, 1, 12);
let time = noon;
const now = (): Date => new Date(time);
const secrets = "0123456789abcdef0123456789abcdef";
const signer = new URLSigner({ secrets, now });

/** A way to ask for a file with a grant: its URL and its Cookie field. */
type Asked = { url: string; cookie?: string };
const showing: { [K in GrantKind]: (signer: URLSigner, folder: string, options?: GrantOptions) => Promise<Show> } = {
  cookie: async (own, folder, options) => {
    const { setCookie } = await own.grant(folder, { ...options, as: "cookie" });
    return (path) => ({ url: path, cookie: setCookie.split(";")[0]! });
  },
  path: async (own, folder, options) => {
    const { url } = await own.grant(folder, { ...options, as: "path" });
    const [, prefix = "", token = ""] = /^(.*\/)(g1\.[^/]+)\/$/.exec(url) ?? [];
    return (path) => {
      const at = path.indexOf("/", prefix.length - 1) + 1;
      return { url: `${path.slice(0, at)}${token}/${path.slice(at)}` };
    };
  },
  query: async (own, folder, options) => {
    const { query } = await own.grant(folder, { ...options, as: "query" });
    return (path) => ({ url: `${path}${path.includes("?") ? "&" : "?"}${query}` });
  },
};
type Show = (path: string) => Asked;
const kinds: readonly GrantKind[] = ["cookie", "path", "query"];

async function verified(
  { url, cookie }: Asked,
  own = signer,
  { method = "GET", ip, purpose }: { method?: string; ip?: string; purpose?: string } = {},
): Promise<string> {
  const headers = new Headers({ Host: "example.com", ...(cookie && { Cookie: cookie }) });
  const verification = await own.verifyGrant({ url, method, headers }, { ip, purpose });
  return verification.ok ? "ok" : verification.reason;
}

describe.each(kinds)("a grant in the %s", (as) => {
  it.each([
    ["/videos/4", "/videos/4/index.m3u8", "ok"],
    ["/videos/4/", "/videos/4/index.m3u8", "ok"],
    ["/videos/4", "/videos/4/720p/1.ts?x=1", "ok"],
    ["/videos/4", "/videos/4/", "ok"],
    ["/videos/4", "/videos/4/caf%c3%a9.ts", "ok"],
    ["/vid%65os/4", "/videos/4/1.ts", "ok"],
    ["/", "/videos/4/1.ts", "ok"],
    ["/videos/4", "/videos/42/index.m3u8", "invalid"],
    ["/videos/4", "/videos/5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/../5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/%2e%2e/5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/..%2f5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/..%5c5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/..\\5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/%252e%252e%252f5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4//5/index.m3u8", "invalid"],
    ["/videos/4", "/videos/4/a%00.ts", "invalid"],
    ["/videos/4", "/VIDEOS/4/1.ts", "invalid"],
  ])("for %s and a request for %s: %s", async (folder, path, expected) => {
    expect(await verified((await showing[as](signer, folder))(path))).toBe(expected);
  });

  it("is for reading", async () => {
    const asked = (await showing[as](signer, "/videos/4"))("/videos/4/1.ts");
    for (const [method, expected] of [
      ["GET", "ok"],
      ["HEAD", "ok"],
      ["POST", "invalid"],
      ["DELETE", "invalid"],
    ] as const) {
      expect(await verified(asked, signer, { method })).toBe(expected);
    }
  });

  it("ends, and says so only if it was one", async () => {
    const asked = (await showing[as](signer, "/videos/4", { expiresIn: 60 }))("/videos/4/1.ts");
    time = noon + 59_999;
    expect(await verified(asked)).toBe("ok");
    time = noon + 60_000;
    expect(await verified(asked)).toBe("expired");
    time = noon;
  });

  it("never ends, if that is wanted", async () => {
    const asked = (await showing[as](signer, "/videos/4", { expiresIn: null }))("/videos/4/1.ts");
    time = noon + 1e12;
    expect(await verified(asked)).toBe("ok");
    time = noon;
  });

  it("is bound to addresses, a purpose and a host", async () => {
    const bound = new URLSigner({ secrets, now, bindHost: true });
    const show = await showing[as](signer, "/videos/4", { ipPrefix: "203.0.113.0/24", purpose: "player" });
    const asked = show("/videos/4/1.ts");
    expect(await verified(asked, signer, { ip: "203.0.113.7", purpose: "player" })).toBe("ok");
    expect(await verified(asked, signer, { ip: "203.0.114.7", purpose: "player" })).toBe("invalid");
    expect(await verified(asked, signer, { purpose: "player" })).toBe("invalid");
    expect(await verified(asked, signer, { ip: "203.0.113.7" })).toBe("invalid");
    expect(await verified(asked, bound, { ip: "203.0.113.7", purpose: "player" })).toBe("invalid");

    const here = await showing[as](bound, "https://example.com/v");
    const there = await showing[as](bound, "https://example.org/v");
    expect(await verified(pathOf(here("https://example.com/v/1.ts")), bound)).toBe("ok");
    expect(await verified(pathOf(there("https://example.org/v/1.ts")), bound)).toBe("invalid");
  });

  it("works with an older secret, and no longer when that is withdrawn", async () => {
    const asked = (await showing[as](signer, "/videos/4"))("/videos/4/1.ts");
    const newer = "fedcba9876543210fedcba9876543210";
    expect(await verified(asked, new URLSigner({ secrets: [newer, secrets], now }))).toBe("ok");
    expect(await verified(asked, new URLSigner({ secrets: newer, now }))).toBe("invalid");
  });

  it("does not work in another place", async () => {
    const text = JSON.stringify((await showing[as](signer, "/videos/4"))("/videos/4/1.ts"));
    const token = /g1\.[\w-]+\.[\w-]{43}/.exec(text)![0];
    const places: Record<GrantKind, Asked> = {
      cookie: { url: "/videos/4/1.ts", cookie: `__Secure-downloadview-grant-AAAAAAAA=${token}` },
      path: { url: `/videos/4/${token}/1.ts` },
      query: { url: `/videos/4/1.ts?X-Grant=${token}` },
    };
    for (const place of kinds) expect(await verified(places[place]), place).toBe(place === as ? "ok" : "invalid");
  });

  it("can't be altered, cut, widened or written twice", async () => {
    const { url, cookie } = (await showing[as](signer, "/videos/4"))("/videos/4/1.ts");
    const [token = "", payload = "", signature = ""] = /g1\.([\w-]+)\.([\w-]{43})/.exec(`${url} ${cookie}`) ?? [];
    const terms = JSON.parse(Buffer.from(payload, "base64url").toString()) as unknown[];
    const wider = Buffer.from(JSON.stringify(["/videos/", ...terms.slice(1)])).toString("base64url");
    const later = Buffer.from(JSON.stringify([terms[0], terms[1], null, null])).toString("base64url");
    const forgeries = [
      `g1.${wider}.${signature}`,
      `g1.${later}.${signature}`,
      `g1.${payload}=.${signature}`,
      `g1.${payload}A.${signature}`,
      token.slice(0, -1),
      `${token}A`,
      `g2${token.slice(2)}`,
      `%67${token.slice(1)}`,
      token.replace(".", "%2E"),
      token.toUpperCase(),
    ];
    for (const forged of forgeries) {
      const asked = { url: url.replace(token, forged), ...(cookie && { cookie: cookie.replace(token, forged) }) };
      expect(["invalid", "missing"], forged).toContain(await verified(asked));
    }
    const twice: Record<GrantKind, Asked> = {
      cookie: { url, cookie: `${cookie}; ${cookie}` },
      path: { url: url.replace(token, `${token}/${token}`) },
      query: { url: `${url}&X-Grant=${token}` },
    };
    expect(await verified(twice[as])).toBe("invalid");
  });
});

function pathOf({ url, ...asked }: Asked): Asked {
  return { ...asked, url: url.replace(/^https:\/\/[^/]+/, "") };
}

describe("the cookie of a grant", () => {
  it.each<[GrantOptions<"cookie">["cookie"], string]>([
    [undefined, "Path=/videos/4/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"],
    [{ sameSite: "Strict" }, "Path=/videos/4/; Max-Age=60; HttpOnly; Secure; SameSite=Strict"],
    [
      { sameSite: "None", partitioned: true },
      "Path=/videos/4/; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned",
    ],
    [{ secure: false }, "Path=/videos/4/; Max-Age=60; HttpOnly; SameSite=Lax"],
    [{ domain: "example.com" }, "Path=/videos/4/; Max-Age=60; Domain=example.com; HttpOnly; Secure; SameSite=Lax"],
  ])("has the attributes %o", async (cookie, attributes) => {
    const { setCookie, url } = await signer.grant("/videos/4", { expiresIn: 60, cookie });
    expect(url).toBe("/videos/4/");
    expect(setCookie.slice(setCookie.indexOf(";") + 2)).toBe(attributes);
    const name = cookie?.secure === false ? /^downloadview-grant-[\w-]{8}=/ : /^__Secure-downloadview-grant-[\w-]{8}=/;
    expect(setCookie).toMatch(name);
  });

  it("has one name for each folder", async () => {
    const nameOf = async (folder: string): Promise<string> => (await signer.grant(folder)).setCookie.split("=")[0]!;
    expect(await nameOf("/videos/4")).toBe(await nameOf("/videos/4/"));
    expect(await nameOf("/videos/4")).not.toBe(await nameOf("/videos/42"));
  });

  it("is found among others, of which one that has ended says so", async () => {
    const cookieOf = async (folder: string, expiresIn = 60): Promise<string> =>
      (await signer.grant(folder, { expiresIn })).setCookie.split(";")[0]!;
    const [four, five, ended] = [
      await cookieOf("/videos/4"),
      await cookieOf("/videos/5"),
      await cookieOf("/videos/4/old"),
    ];
    const cookie = `session=1; ${five}; ${four}; theme=g1.a.b`;
    expect(await verified({ url: "/videos/4/1.ts", cookie })).toBe("ok");
    expect(await verified({ url: "/videos/6/1.ts", cookie })).toBe("invalid");
    expect(await verified({ url: "/videos/4/1.ts", cookie: "session=1" })).toBe("missing");
    time = noon + 61_000;
    expect(await verified({ url: "/videos/4/old/1.ts", cookie: ended })).toBe("expired");
    time = noon;
  });
});

describe("grant()", () => {
  const grant = (url: string, options?: GrantOptions, more?: Partial<URLSignerOptions>): Promise<unknown> =>
    new URLSigner({ secrets, now, ...more }).grant(url, options);

  it.each([
    ["", {}],
    ["videos/4", {}],
    ["ftp://example.com/videos", {}],
    ["/videos/../4", {}],
    ["/videos/%2e%2e/4", {}],
    ["/videos%2f4", {}],
    ["/videos//4", {}],
    ["//example.com/videos", {}],
    ["/videos/4?quality=720", {}],
    ["/videos/a;b", {}],
    [`/${"a".repeat(4000)}`, {}],
  ])("refuses the folder %s", async (url, options) => {
    await expect(grant(url, options)).rejects.toThrow(InvalidPathError);
  });

  it("refuses a folder without a host, if hosts are bound", async () => {
    await expect(grant("/videos", {}, { bindHost: true })).rejects.toThrow(InvalidPathError);
  });

  it.each<[GrantOptions]>([
    [{ as: "header" as never }],
    [{ as: "toString" as never }],
    [{ expiresIn: -1 }],
    [{ ipPrefix: "here" }],
    [{ cookie: { sameSite: "none" as never } }],
    [{ cookie: { sameSite: "None", secure: false } }],
    [{ cookie: { partitioned: true, secure: false } }],
    [{ cookie: { domain: "example.com; Secure" } }],
  ])("refuses the options %o", async (options) => {
    await expect(grant("/videos", options)).rejects.toThrow(ImproperlyConfiguredError);
  });
});

describe("signatureRequired with grants", () => {
  const seen: { url: string; params: unknown }[] = [];
  const view: DownloadHandler = async ({ url }, { params }) => {
    seen.push({ url, params });
    return new DownloadResponse(new VirtualFile("0123456789", { name: "1.ts" }));
  };

  async function ask(
    { url, cookie }: Asked,
    options: Partial<SignatureRequiredOptions> = {},
    handler = view,
  ): Promise<unknown> {
    const request: DownloadRequest = { method: "GET", url, headers: new Headers(cookie ? { cookie } : {}) };
    const context: ViewContext = {
      params: { path: decodeURIComponent(url.split("?")[0]!.slice("/videos/".length)) },
      native: {},
    };
    return signatureRequired(handler, { signer, now, prefixes: true, ...options })(request, context);
  }

  it.each(kinds)("answers to one in the %s, and has the handler see the file's own path", async (as) => {
    const asked = (await showing[as](signer, "/videos/4"))("/videos/4/a b/1.ts".replace(" ", "%20"));
    await expect(ask(asked)).resolves.toMatchObject({ kind: "download" });
    expect(seen.at(-1)?.params).toEqual({ path: "4/a b/1.ts" });
    expect(seen.at(-1)?.url.split("?")[0]).toBe("/videos/4/a%20b/1.ts");
  });

  it.each(kinds)("does not keep an answer to one in the %s for longer than it holds", async (as) => {
    const cached: DownloadHandler = async () =>
      new DownloadResponse(new VirtualFile("0", { name: "1.ts" }), { cacheControl: "public, max-age=31536000" });
    const asked = (await showing[as](signer, "/videos/4", { expiresIn: 60 }))("/videos/4/1.ts");
    const { headers } = (await ask(asked, {}, cached)) as DownloadResponse;
    expect(headers.get("Cache-Control")).toBe("private, max-age=60");
  });

  it.each(kinds)("refuses one in the %s unless grants are accepted", async (as) => {
    const asked = (await showing[as](signer, "/videos/4"))("/videos/4/1.ts");
    await expect(ask(asked, { prefixes: false })).rejects.toMatchObject({ status: 403, cause: "missing" });
  });

  it("decides a signed URL by its signature, also if the request has a grant", async () => {
    const { setCookie } = await signer.grant("/videos/4");
    const signed = await signer.sign("/videos/4/1.ts", { expiresIn: 60 });
    const cookie = setCookie.split(";")[0]!;
    await expect(ask({ url: signed, cookie })).resolves.toMatchObject({ kind: "download" });
    await expect(ask({ url: signed.replace("1.ts", "2.ts"), cookie })).rejects.toMatchObject({ cause: "invalid" });
  });

  it("counts each file of a grant for itself", async () => {
    const limited = limitedDownloads(view, { limit: 1, now });
    const show = await showing.cookie(signer, "/videos/4");
    await expect(ask(show("/videos/4/1.ts"), {}, limited)).resolves.toMatchObject({ kind: "download" });
    await expect(ask(show("/videos/4/2.ts"), {}, limited)).resolves.toMatchObject({ kind: "download" });
    await expect(ask(show("/videos/4/1.ts"), {}, limited)).rejects.toMatchObject({ cause: "used" });
  });

  it("needs a signer that knows grants", () => {
    const django = new DjangoURLSigner({ secretKey: "the key of a Django site" });
    expect(() => signatureRequired(view, { signer: django, prefixes: true })).toThrow(/verifyGrant/);
  });

  it("never takes a signed URL for a grant, nor signs one with a grant in it", async () => {
    await expect(signer.sign("/videos/4/1.ts?X-Grant=a")).rejects.toThrow(InvalidPathError);
  });
});
