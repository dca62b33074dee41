import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { URLSigner, type SignOptions, type URLSignerOptions } from "./url-signer.ts";
import type { SignedRequest, Verification, VerifyOptions } from "./url-verifier.ts";

const secret = "0123456789abcdef0123456789abcdef";
const otherSecret = "fedcba9876543210fedcba9876543210";
const noon = Date.UTC(2026, 0, 1, 12);

function signerAt(time: number, options: Partial<URLSignerOptions> = {}): URLSigner {
  return new URLSigner({ secrets: secret, now: () => new Date(time), ...options });
}

function requestOf(url: string, fields: Record<string, string> = {}, method = "GET"): SignedRequest {
  return { url, method, headers: new Headers(fields) };
}

const signer = signerAt(noon);
const invalid: Verification = { ok: false, reason: "invalid" };
const names = [
  "plain.txt",
  "a b.txt",
  "100%.txt",
  "a&b.txt",
  "a+b.txt",
  "#1?.txt",
  "naïve 日本.txt",
  "it's.txt",
  "a/b.txt",
];

describe("a signed URL", () => {
  it.each([
    "/files/plan.pdf",
    "/files/plan.pdf?version=2&part=1",
    "https://example.com/plan.pdf",
    "https://example.com",
  ])("is verified: %s", async (url) => {
    const signed = await signer.sign(url);
    expect(signed.startsWith(url)).toBe(true);
    expect(await signer.verify({ url: signed })).toMatchObject({ ok: true, expiresAt: new Date(noon + 3_600_000) });
  });

  it.each(names)("holds for a file named %s, in its path and in its query, as a browser sends it", async (name) => {
    const signed = await signer.sign(`/files/${encodeURIComponent(name)}?as=${encodeURIComponent(name)}`);
    const { pathname, search, searchParams } = new URL(signed, "https://example.com");
    expect(pathname).toBe(`/files/${encodeURIComponent(name)}`);
    expect(searchParams.get("as")).toBe(name);
    expect(await signer.verify({ url: pathname + search })).toMatchObject({ ok: true });
  });

  it.each(["/a b/é.txt", "/100%.txt", "/a\\b.txt", '/"quoted".txt', "/a?q=ü'&r=[1]"])(
    "is sent by a browser as it was signed, even where it was given raw: %s",
    async (url) => {
      const signed = await signer.sign(url);
      expect(new URL(signed, "https://example.com").href).toBe(`https://example.com${signed}`);
      expect(await signer.verify({ url: signed })).toMatchObject({ ok: true });
    },
  );

  it("holds on any host, where a proxy changes it", async () => {
    const signed = await signer.sign("https://example.com/a?b=1");
    expect(await signer.verify({ url: signed.replace("https://example.com", "") })).toMatchObject({ ok: true });
    expect(await signer.verify({ url: signed.replace("https://example.com", "http://10.0.0.7:8000") })).toMatchObject({
      ok: true,
    });
  });

  it("keeps its fragment, which no server sees", async () => {
    const signed = await signer.sign("/plan.pdf#page=3");
    expect(signed.endsWith("#page=3")).toBe(true);
    expect(await signer.verify({ url: signed.replace("#page=3", "") })).toMatchObject({ ok: true });
  });

  it("holds in the other spellings of the same URL", async () => {
    const signed = await signer.sign("/~user/caf%C3%A9?q=it's");
    const respelt = signed.replace("~", "%7e").replace("%C3%A9", "%c3%a9").replace("X-Signature", "X%2DSignature");
    expect(respelt).not.toBe(signed);
    expect(await signer.verify({ url: respelt })).toMatchObject({ ok: true });
  });

  it("of a parameter twice holds in that order", async () => {
    const signed = await signer.sign("/a?tag=1&tag=2");
    expect(await signer.verify({ url: signed })).toMatchObject({ ok: true });
    expect(await signer.verify({ url: signed.replace("tag=1&tag=2", "tag=2&tag=1") })).toEqual(invalid);
  });

  it.each<[string, (url: string) => string]>([
    ["another path", (url) => url.replace("plan", "plans")],
    ["another case", (url) => url.replace("plan", "Plan")],
    ["a slash more", (url) => url.replace("/files", "//files")],
    ["a host that a router takes for a path", (url) => `//example.com${url}`],
    ["an encoded slash", (url) => url.replace("/plan", "%2Fplan")],
    ["another value", (url) => url.replace("version=2", "version=3")],
    ["a value less", (url) => url.replace("version=2&", "")],
    ["another order", (url) => url.replace("version=2&part=1", "part=1&version=2")],
    ["a parameter more", (url) => `${url}&debug=1`],
    ["a parameter more in front", (url) => url.replace("?", "?debug=1&")],
    ["a parameter doubled", (url) => `${url}&part=1`],
    ["a later expiry", (url) => url.replace(/X-Expires=\d+/, "X-Expires=9999999999")],
    ["a second expiry", (url) => `${url}&X-Expires=9999999999`],
    ["a second expiry in disguise", (url) => `${url}&X%2DExpires=9999999999`],
    ["no expiry", (url) => url.replace(/X-Expires=\d+&/, "")],
    ["an unsigned file name", (url) => `${url}&X-Filename=invoice.exe`],
    ["an unsigned type", (url) => `${url}&X-Content-Type=text/html`],
    ["the same signature twice", (url) => `${url}&${/X-Signature=[^&]+/.exec(url)?.[0]}`],
    ["a second, empty signature", (url) => `${url}&X-Signature=`],
    ["a second signature in disguise", (url) => `${url}&X%2dSignature=x`],
    ["a cut signature", (url) => url.slice(0, -1)],
    ["a longer signature", (url) => `${url}A`],
    ["a padded signature", (url) => `${url}=`],
    ["an empty signature", (url) => url.replace(/X-Signature=.*/, "X-Signature=")],
    ["a signature that isn't Base64", (url) => url.replace(/X-Signature=.*/, `X-Signature=${"!".repeat(43)}`)],
    ["another signature", (url) => url.replace(/X-Signature=.*/, `X-Signature=${"A".repeat(43)}`)],
    ["half a character", (url) => `${url}&a=\ud800`],
    ["no UTF-8", (url) => `${url}&a=%ff`],
    ["a header that can't be", (url) => `${url}&X-Signed-Headers=%00;%E2%82%AC`],
  ])("with %s is invalid", async (_, alter) => {
    const signed = await signer.sign("/files/plan.pdf?version=2&part=1");
    expect(alter(signed)).not.toBe(signed);
    expect(await signer.verify(requestOf(alter(signed)))).toEqual(invalid);
  });

  it("has one last character that does, though Base64 has four for these bits", async () => {
    const signed = await signer.sign("/a");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const results = await Promise.all(
      Array.from(alphabet, (last) => signer.verify({ url: signed.slice(0, -1) + last })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it.each(["/files/plan.pdf", "/files/plan.pdf?X-Expires=9999999999", "/a?x-signature=a", "/", "/a#X-Signature=a"])(
    "has a signature, unlike %s",
    async (url) => {
      expect(await signer.verify({ url })).toEqual({ ok: false, reason: "missing" });
    },
  );

  it.each([
    "",
    "plan.pdf?X-Signature=a",
    "ftp://example.com/a?X-Signature=a",
    "\0",
    `/${"a".repeat(100_000)}?X-Signature=`,
  ])("is no %j", async (url) => {
    expect(await signer.verify({ url })).toEqual(invalid);
  });
});

describe("the expiry", () => {
  it("is the first moment at which the URL no longer works", async () => {
    const url = await signer.sign("/a", { expiresIn: 60 });
    expect(await signerAt(noon + 59_999).verify({ url })).toMatchObject({ ok: true });
    expect(await signerAt(noon + 60_000).verify({ url })).toEqual({ ok: false, reason: "expired" });
  });

  it("is given as a date as well", async () => {
    const expiresAt = new Date(noon + 86_400_000);
    expect(await signer.verify({ url: await signer.sign("/a", { expiresAt }) })).toMatchObject({ expiresAt });
  });

  it("leaves a URL that is signed between two seconds its whole time", async () => {
    const url = await signerAt(noon + 900).sign("/a", { expiresIn: 1 });
    expect(await signerAt(noon + 1899).verify({ url })).toMatchObject({ ok: true });
  });

  it("is never, if `expiresIn` is null", async () => {
    const url = await signer.sign("/a", { expiresIn: null });
    expect(url).not.toContain("X-Expires");
    const verification = await signerAt(noon + 1e12).verify({ url });
    expect(verification).toMatchObject({ ok: true });
    expect(verification).not.toHaveProperty("expiresAt");
    expect(await signerAt(noon, { expiresIn: null }).sign("/a")).toBe(url);
  });

  it("is not told of a signature that never was valid", async () => {
    const url = (await signer.sign("/a", { expiresIn: 60 })).replace("/a", "/b");
    expect(await signerAt(noon + 60_000).verify({ url })).toEqual(invalid);
  });

  it.each<SignOptions>([
    { expiresIn: 0 },
    { expiresIn: -1 },
    { expiresIn: NaN },
    { expiresIn: Infinity },
    { expiresIn: 1e20 },
    { expiresAt: new Date(NaN) },
    { expiresAt: new Date(noon), expiresIn: 60 },
  ])("can't be %o", async (options) => {
    await expect(signer.sign("/a", options)).rejects.toThrow(ImproperlyConfiguredError);
  });
});

describe("a constraint", () => {
  const headers = { "X-Tenant": " seven ", Accept: "text/csv" };

  it.each<[string, SignOptions, SignedRequest["headers"] | string, string, VerifyOptions]>([
    ["the method", {}, undefined, "GET", {}],
    ["HEAD, which GET is good for", {}, undefined, "HEAD", {}],
    ["HEAD, as GET", { method: "HEAD" }, undefined, "GET", {}],
    ["another method", { method: "put" }, undefined, "PUT", {}],
    ["header fields", { headers }, new Headers({ accept: "text/csv", "x-tenant": "seven" }), "GET", {}],
    ["the purpose", { purpose: "invoice" }, undefined, "GET", { purpose: "invoice" }],
    ["the address", { ipPrefix: "203.0.113.0/24" }, undefined, "GET", { ip: "::ffff:203.0.113.9" }],
  ])("that the request meets: %s", async (_, options, fields, method, known) => {
    const url = await signer.sign("/a", options);
    const request = { url, method, headers: new Headers(fields as Headers) };
    expect(await signer.verify(request, known)).toMatchObject({ ok: true });
  });

  it.each<[string, SignOptions, Record<string, string>, string, VerifyOptions]>([
    ["a method", {}, {}, "POST", {}],
    ["a method that is PUT", { method: "PUT" }, {}, "GET", {}],
    ["a method that is PUT, and not HEAD", { method: "PUT" }, {}, "HEAD", {}],
    ["the case of the method", {}, {}, "get", {}],
    ["a header field that is missing", { headers }, { accept: "text/csv" }, "GET", {}],
    ["a header field", { headers }, { accept: "text/csv", "x-tenant": "eight" }, "GET", {}],
    ["a purpose that is missing", { purpose: "invoice" }, {}, "GET", {}],
    ["a purpose", { purpose: "invoice" }, {}, "GET", { purpose: "avatar" }],
    ["a purpose that was not signed", {}, {}, "GET", { purpose: "invoice" }],
    ["an address", { ipPrefix: "203.0.113.0/24" }, {}, "GET", { ip: "203.0.114.9" }],
    ["an unknown address", { ipPrefix: "0.0.0.0/0" }, {}, "GET", {}],
  ])("that the request does not meet makes it invalid: %s", async (_, options, fields, method, known) => {
    const url = await signer.sign("/a", options);
    expect(await signer.verify(requestOf(url, fields, method), known)).toEqual(invalid);
  });

  it("on a request without headers is not met", async () => {
    expect(await signer.verify({ url: await signer.sign("/a", { headers }) })).toEqual(invalid);
  });

  it.each<SignOptions>([
    { method: "" },
    { method: "GET /b" },
    { headers: { "": "a" } },
    { headers: { "a b": "a" } },
    { ipPrefix: "" },
    { ipPrefix: "203.0.113.0/33" },
    { ipPrefix: "example.com" },
  ])("can't be %o", async (options) => {
    await expect(signer.sign("/a", options)).rejects.toThrow(ImproperlyConfiguredError);
  });
});

describe("the host", () => {
  const bound = signerAt(noon, { bindHost: true });

  it.each(["https://example.com", "https://EXAMPLE.com", "https://example.com:443"])(
    "is bound where it is wanted: %s",
    async (origin) => {
      const url = await bound.sign(`${origin}/a`);
      expect(await bound.verify({ url })).toMatchObject({ ok: true });
      const relative = url.slice(origin.length);
      expect(await bound.verify(requestOf(relative, { host: "example.com" }))).toMatchObject({ ok: true });
      expect(await bound.verify(requestOf(relative, { host: "example.org" }))).toEqual(invalid);
      expect(await bound.verify(requestOf(relative))).toEqual(invalid);
      expect(await bound.verify({ url: `https://example.org${relative}` })).toEqual(invalid);
      expect(await signer.verify({ url })).toEqual(invalid);
    },
  );

  it("has to be the same in the URL and in the header, if it is in both", async () => {
    const url = await bound.sign("https://example.com/a");
    expect(await bound.verify(requestOf(url, { host: "Example.com" }))).toMatchObject({ ok: true });
    expect(await bound.verify(requestOf(url, { host: "example.org" }))).toEqual(invalid);
    const other = url.replace("example.com", "example.org");
    expect(await bound.verify(requestOf(other, { host: "example.com" }))).toEqual(invalid);
  });

  it("has to be there to be bound", async () => {
    await expect(bound.sign("/a")).rejects.toThrow(InvalidPathError);
  });
});

describe("what a signature says of the response", () => {
  const response = {
    disposition: "inline",
    filename: "naïve & 100%+\r\n.pdf",
    contentType: "application/pdf; version=1.7",
    cacheControl: "max-age=60, immutable",
  } as const;

  it("arrives", async () => {
    const url = await signer.sign("/a?b=1", { response });
    expect(await signer.verify({ url })).toMatchObject({ ok: true, response });
  });

  it("is left out where there is nothing to say", async () => {
    const url = await signer.sign("/a", { response: { filename: "" } });
    expect(await signer.verify({ url })).not.toHaveProperty("response");
  });

  it.each(["X-Disposition", "X-Filename", "X-Content-Type", "X-Cache-Control"])("is covered: %s", async (name) => {
    const url = await signer.sign("/a", { response });
    const altered = url.replace(new RegExp(`${name}=[^&]*`), `${name}=attachment`);
    expect(altered).not.toBe(url);
    expect(await signer.verify({ url: altered })).toEqual(invalid);
  });

  it("has no half characters", async () => {
    const url = await signer.sign("/a", { response: { filename: "a\ud800.txt" } });
    expect(await signer.verify({ url })).toMatchObject({ response: { filename: "a\ufffd.txt" } });
  });

  it.each<SignOptions["response"]>([
    { disposition: "form-data" as "inline" },
    { contentType: "text" },
    { contentType: "text/html\r\nSet-Cookie: a=1" },
    { cacheControl: "" },
    { cacheControl: "no-store\n" },
  ])("can't be %o", async (overrides) => {
    await expect(signer.sign("/a", { response: overrides! })).rejects.toThrow(ImproperlyConfiguredError);
  });
});

describe("a secret", () => {
  it("of another signer makes a URL invalid", async () => {
    const url = await signerAt(noon, { secrets: otherSecret }).sign("/a");
    expect(await signer.verify({ url })).toEqual(invalid);
  });

  it("that is new signs, while the old one verifies", async () => {
    const rotated = signerAt(noon, { secrets: [otherSecret, secret] });
    expect(await rotated.verify({ url: await signer.sign("/a") })).toMatchObject({ ok: true });
    const url = await rotated.sign("/a");
    expect(await signer.verify({ url })).toEqual(invalid);
    expect(await signerAt(noon, { secrets: otherSecret }).verify({ url })).toMatchObject({ ok: true });
  });

  it.each([[[]], [""], ["short"], [secret.slice(1)], [[secret, "short"]], ["\ud800".repeat(40)], [[undefined]]])(
    "can't be %j",
    (secrets) => {
      expect(() => new URLSigner({ secrets: secrets as string[] })).toThrow(ImproperlyConfiguredError);
    },
  );

  it("has 32 bytes, rather than 32 characters", async () => {
    expect(await new URLSigner({ secrets: "é".repeat(16) }).sign("/a")).toContain("X-Signature=");
  });
});

describe("an ignored parameter", () => {
  const lenient = signerAt(noon, { ignoreParameters: ["utm_source", "ref[]"] });

  it("leaves the signature valid, and no other does", async () => {
    const url = await lenient.sign("/a?b=1&utm_source=site");
    expect(await lenient.verify({ url: url.replace("site", "letter") })).toMatchObject({ ok: true });
    expect(await lenient.verify({ url: `${url}&ref[]=1&ref%5B%5D=2` })).toMatchObject({ ok: true });
    expect(await lenient.verify({ url: `${url}&utm_medium=mail` })).toEqual(invalid);
  });

  it("can't be one of the signature's own", () => {
    expect(() => signerAt(noon, { ignoreParameters: ["X-Expires"] })).toThrow(ImproperlyConfiguredError);
  });
});

describe("a URL that can't be signed", () => {
  it.each([
    "",
    "a/b",
    "?a=1",
    "//example.com/a",
    "/\\example.com/a",
    "ftp://example.com/a",
    "javascript:alert(1)",
    "https://",
    "https://exa mple.com/a",
    "https://a:99999/",
    "/a\0",
    "/a%00",
    "/a\r\nSet-Cookie: b=1",
    "/a\ud800",
    "/a/../b",
    "/a/%2E%2e/b",
    "/./a",
    "/a?X-Signature=a",
    "/a?X-Expires=1",
    "/a?X%2DFilename=a",
    undefined as unknown as string,
  ])("is refused: %j", async (url) => {
    const error: unknown = await signer.sign(url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidPathError);
    expect((error as InvalidPathError).cause).toBeInstanceOf(Error);
  });

  it("is not one of 2,000 characters", async () => {
    const url = await signer.sign(`/${"é".repeat(2000)}?${"a=1&".repeat(2000)}`);
    expect(await signer.verify({ url })).toMatchObject({ ok: true });
  });
});

const anyText = fc.string({
  unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("%", "&", "+", "=", "/", "'")),
});

describe("whatever is signed", () => {
  it("is verified when a browser sends it", async () => {
    const dotless = anyText.filter((text) => !/^\.{1,2}$/.test(text) && !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(dotless, anyText, anyText, async (name, parameter, filename) => {
        const given = `/files/${encodeURIComponent(name)}?q=${encodeURIComponent(parameter).replaceAll("%00", "")}`;
        const { pathname, search } = new URL(
          await signer.sign(given, { response: { filename } }),
          "https://example.com",
        );
        const verification = await signer.verify({ url: pathname + search });
        expect(verification).toMatchObject({ ok: true, ...(filename === "" ? {} : { response: { filename } }) });
      }),
      { numRuns: 200 },
    );
  });

  it("is verified no more when a character of it is changed to one of another meaning", async () => {
    const signed = await signer.sign("/files/plan.pdf?version=2&name=a%20b", { response: { filename: "b.txt" } });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(signed.length - 1),
        fc.constantFrom(...Array.from("abzAZ019/-_=&%?+")),
        async (at, character) => {
          const altered = signed.slice(0, at) + character + signed.slice(at + 1);
          if (altered !== signed) expect((await signer.verify({ url: altered })).ok).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("returns a verdict or throws a clear error for any text", async () => {
    const text = fc.oneof(
      anyText,
      fc.string({ unit: "binary-ascii" }),
      fc.constantFrom("\ud800", "/\0", "/%", "/?X-Signature="),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        expect((await signer.verify(requestOf(`/${one}?X-Signature=${other}`))).ok).toBe(false);
        const signed: unknown = await signer.sign(one).catch((error: unknown) => error);
        expect(typeof signed === "string" || signed instanceof InvalidPathError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
