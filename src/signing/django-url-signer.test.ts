import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { DjangoURLSigner, type DjangoUrlSignerOptions } from "./django-url-signer.ts";
import type { SignOptions } from "./url-signer.ts";

const secretKey = "downloadview-test-secret-key";
/** When Django signed what is below: 2026-01-01 00:00:00.75 UTC. */
const signedAt = 1_767_225_600_000;

function signerAt(time: number, options: Partial<DjangoUrlSignerOptions> = {}): DjangoURLSigner {
  return new DjangoURLSigner({ secretKey, now: () => new Date(time), ...options });
}

const signer = signerAt(signedAt + 750);
const invalid = { ok: false, reason: "invalid" };

/** Made by Django 3.2, with django-downloadview's `SignedURLMixin` over a `FileSystemStorage`. */
const madeByDjango: Record<string, string> = {
  "report.pdf": "/media/report.pdf?X-Signature=/media/report.pdf:1vb66i:5jjqSQ6G4x7FVv3CVCnf0q-ubc_fgU4YOn1ITfKnd1U",
  "a b.txt": "/media/a%20b.txt?X-Signature=/media/a%20b.txt:1vb66i:EPpsbs_MJd9lGlVsQtcI5Wg_BK_A99emXAVgCnC9r7E",
  "100%.txt": "/media/100%25.txt?X-Signature=/media/100%25.txt:1vb66i:ZCMsR143G8t_Mfs3mxtpDesJLLdW5pE981INMAl2pPI",
  "a&b+c=d.txt":
    "/media/a%26b%2Bc%3Dd.txt?X-Signature=/media/a%26b%2Bc%3Dd.txt:1vb66i:BT-aaONqxKVg1wVQRrP_XK0UPg8nmxAz7NB5tTNfydY",
  "it's a (copy).txt":
    "/media/it's%20a%20(copy).txt?X-Signature=/media/it's%20a%20(copy).txt:1vb66i:s7aKdQmcwcG5POu71PkNPW7tXYEgoc2X4ZynPrH-5xM",
  "naïve-日本.txt":
    "/media/na%C3%AFve-%E6%97%A5%E6%9C%AC.txt?X-Signature=/media/na%C3%AFve-%E6%97%A5%E6%9C%AC.txt:1vb66i:6rUMB5IW0h-85_M0tSEP7LkzvCs03GKDVuknO1nVAq0",
  "a:b;c,d.txt":
    "/media/a%3Ab%3Bc%2Cd.txt?X-Signature=/media/a%3Ab%3Bc%2Cd.txt:1vb66i:aO2zuIfNYtQmYqCrTxkQCZr36l127TdogUouT1Eel9E",
  "x?y#z.txt":
    "/media/x%3Fy%23z.txt?X-Signature=/media/x%3Fy%23z.txt:1vb66i:Duarlm4sK5M-CrNDDhrK8M6fWZugp-Et55DP55y_CBY",
};

describe("a URL that Django signed", () => {
  it.each(Object.entries(madeByDjango))("is verified, of a file named %s", async (_, url) => {
    expect(await signer.verify({ url })).toMatchObject({ ok: true });
  });

  it.each(Object.entries(madeByDjango))("is verified as a browser sends it, of a file named %s", async (_, url) => {
    const { pathname, search } = new URL(url, "https://example.com");
    expect(await signer.verify({ url: pathname + search })).toMatchObject({ ok: true });
  });

  it.each(Object.entries(madeByDjango))("is verified with its query written anew, of %s", async (_, url) => {
    const [path = "", signature = ""] = url.split("?X-Signature=");
    for (const value of [signature, decodeURIComponent(signature)]) {
      const query = new URLSearchParams({ page: "1", "X-Signature": value });
      expect(await signer.verify({ url: `${path}?${query}` })).toMatchObject({ ok: true });
    }
  });

  it("holds for any method, and beside other parameters, as in Django", async () => {
    const url = `${madeByDjango["report.pdf"]}&page=2`;
    expect(await signer.verify({ url, method: "POST" })).toMatchObject({ ok: true });
  });

  it.each<[string, (url: string) => string]>([
    ["another path", (url) => url.replace("/media/report", "/media/secret")],
    ["another path, twice", (url) => url.replaceAll("/media/report", "/media/secret")],
    ["another time", (url) => url.replace("1vb66i", "1vb66j")],
    ["a cut signature", (url) => url.slice(0, -1)],
    ["a longer signature", (url) => `${url}U`],
    ["another last character for the same bytes", (url) => `${url.slice(0, -1)}V`],
    ["two signatures", (url) => url.replace("?", "?X-Signature=a&")],
    ["no path in it", (url) => url.replace(/X-Signature=[^:]*:/, "X-Signature=")],
    ["nothing in it", (url) => url.replace(/X-Signature=.*/, "X-Signature=")],
    ["no UTF-8 in it", (url) => url.replace(/X-Signature=.*/, "X-Signature=%ff:1vb66i:AAAA")],
    ["half a character", (url) => `${url}&a=\ud800`],
  ])("is invalid with %s", async (_, alter) => {
    expect(await signer.verify({ url: alter(madeByDjango["report.pdf"]!) })).toEqual(invalid);
  });

  it("is for one file, however its name is spelt", async () => {
    const signature = madeByDjango["a b.txt"]!.split("?")[1];
    expect(await signer.verify({ url: `/media/a%2520b.txt?${signature}` })).toEqual(invalid);
    expect(await signer.verify({ url: `/media%2Fa%20b.txt?${signature}` })).toEqual(invalid);
    expect(await signer.verify({ url: `//example.com/media/a%20b.txt?${signature}` })).toEqual(invalid);
  });

  it("is missing its signature elsewhere", async () => {
    expect(await signer.verify({ url: "/media/report.pdf" })).toEqual({ ok: false, reason: "missing" });
  });

  it("lasts until it is older than maxAge, counted from the whole second", async () => {
    const url = madeByDjango["report.pdf"]!;
    const options = { maxAge: 60 };
    const expiresAt = new Date(signedAt + 60_000);
    const lastMoment = signerAt(signedAt + 60_000, options);
    expect(await lastMoment.verify({ url })).toMatchObject({ ok: true, expiresAt });
    expect(await signerAt(signedAt + 60_001, options).verify({ url })).toEqual({ ok: false, reason: "expired" });
    expect(await signerAt(signedAt + 1e12).verify({ url })).toMatchObject({ ok: true });
  });

  it.each<[string, Partial<DjangoUrlSignerOptions>, string]>([
    ["sha1", { algorithm: "sha1" }, "aGiSBIEeOWWiHFXXcVUs5OlANRs"],
    ["another salt", { salt: "invoices" }, "vdv4u7qtL36ztJx_dblRai9MKlReBIKbAXdaHE_Vpfc"],
    ["an older key", { fallbackKeys: ["the-older-key"] }, "UhzqOCgdGSmS7o103GhJTPsMMTzBhGNT0278auyx6ck"],
  ])("with %s is verified by a signer that knows it, and by no other", async (_, options, signature) => {
    const url = `/media/report.pdf?X-Signature=/media/report.pdf:1vb66i:${signature}`;
    expect(await signerAt(signedAt, options).verify({ url })).toMatchObject({ ok: true });
    expect(await signer.verify({ url })).toEqual(invalid);
  });
});

describe("a URL that is signed for Django", () => {
  it("is the one that Django makes", async () => {
    expect(await signer.sign("/media/report.pdf")).toBe(madeByDjango["report.pdf"]);
    expect(await signerAt(signedAt, { algorithm: "sha1" }).sign("/media/report.pdf")).toMatch(
      /:1vb66i:aGiSBIEeOWWiHFXXcVUs5OlANRs$/,
    );
  });

  it.each(Object.keys(madeByDjango))("is verified here as well, of a file named %s", async (name) => {
    const url = await signer.sign(`https://example.com/media/${encodeURIComponent(name)}`);
    expect(url.startsWith("https://example.com/media/")).toBe(true);
    const { pathname, search } = new URL(url);
    expect(await signer.verify({ url: pathname + search })).toMatchObject({ ok: true });
  });

  it("is signed with the first key only", async () => {
    const rotated = signerAt(signedAt, { secretKey: "the-newer-key", fallbackKeys: [secretKey] });
    expect(await signer.verify({ url: await rotated.sign("/a") })).toEqual(invalid);
    expect(await rotated.verify({ url: await signer.sign("/a") })).toMatchObject({ ok: true });
  });

  it.each<[string, SignOptions]>([
    ["/a?b=1", {}],
    ["/a", { expiresIn: 60 }],
    ["/a", { response: { filename: "b" } }],
    ["/a", { method: "PUT" }],
  ])("can't promise what Django's signature doesn't cover: %s %o", async (url, options) => {
    await expect(signer.sign(url, options)).rejects.toThrow(ImproperlyConfiguredError);
  });

  it.each(["", "a", "//example.com/a", "/a/../b", "/a\0", "/a\ud800"])("can't be %j", async (url) => {
    await expect(signer.sign(url)).rejects.toThrow(InvalidPathError);
  });
});

describe("a DjangoURLSigner", () => {
  it.each<Partial<DjangoUrlSignerOptions>>([
    { secretKey: "" },
    { fallbackKeys: [""] },
    { maxAge: NaN },
    { maxAge: -1 },
  ])("can't be made of %o", (options) => {
    expect(() => signerAt(0, options)).toThrow(ImproperlyConfiguredError);
  });

  it("refuses to check a purpose, of which Django's signature knows nothing", async () => {
    await expect(signer.verify({ url: "/a" }, { purpose: "b" })).rejects.toThrow(ImproperlyConfiguredError);
  });
});
