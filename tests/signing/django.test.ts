import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DjangoURLSigner, type DjangoUrlSignerOptions } from "../../src/signing/index.ts";
import { requires } from "../support/requires.ts";

// Debian's, which has Debian's Django: another Python may come first in the PATH.
const python = "/usr/bin/python3";
const present = requires(
  () => spawnSync(python, ["-c", "import django"]).status === 0,
  "apt-get install --no-install-recommends python3-django",
);

const secretKey = "django-insecure-#5)x&8^w%+l$é";
const names = [
  "report.pdf",
  "a b.txt",
  "a+b.txt",
  "a&b=c.txt",
  "it's (a) ~copy!.txt",
  "naïve 日本.txt",
  "a:b;c,d@e.txt",
];
const oddNames = ["100%.txt", "%41.txt", "x?y#z.txt", "folder/%2F.txt"];

interface Question {
  settings?: Record<string, unknown>;
  names?: string[];
  urls?: string[];
  maxAge?: number;
  algorithm?: string;
}

/** Asks Django. */
function django({ settings, ...question }: Question): { signed: string[]; verified: (string | null)[] } {
  const script = fileURLToPath(new URL("django_signing.py", import.meta.url));
  const input = JSON.stringify({ settings: { SECRET_KEY: secretKey, ...settings }, ...question });
  return JSON.parse(execFileSync(python, ["-W", "ignore", script], { input, encoding: "utf8" }));
}

function signerOf(options: Partial<DjangoUrlSignerOptions> = {}): DjangoURLSigner {
  return new DjangoURLSigner({ secretKey, ...options });
}

/** The URL as a client asks for it. */
function asSent(url: string): string {
  const { pathname, search } = new URL(url, "http://localhost");
  return pathname + search;
}

describe.runIf(present)("with a real Django", () => {
  it("its signed URLs are verified here", async () => {
    for (const url of django({ names: [...names, ...oddNames] }).signed) {
      expect(await signerOf({ maxAge: 60 }).verify({ url: asSent(url) }), url).toMatchObject({ ok: true });
    }
  });

  it("our signed URLs are verified there", async () => {
    const urls = await Promise.all(names.map((name) => signerOf().sign(`/media/${encodeURIComponent(name)}`)));
    const { verified } = django({ urls: urls.map(asSent), maxAge: 60 });
    expect(verified).toEqual(names.map((name) => `/media/${name}`));
  });

  it("no altered URL is verified on either side", async () => {
    const [url = ""] = django({ names: ["report.pdf"] }).signed;
    const ours = await signerOf().sign("/media/report.pdf");
    const altered = [url, ours].flatMap((one) => [one.replace("report", "secret"), one.slice(0, -1), `${one}A`]);
    for (const one of altered) expect(await signerOf().verify({ url: one })).toEqual({ ok: false, reason: "invalid" });
    expect(django({ urls: altered }).verified).toEqual(altered.map(() => null));
  });

  it("a signature ages alike on both sides", async () => {
    const now = (): Date => new Date(Date.now() - 61_000);
    const url = await signerOf({ now }).sign("/media/report.pdf");
    expect(django({ urls: [url], maxAge: 60 }).verified).toEqual([null]);
    expect(await signerOf({ maxAge: 60 }).verify({ url })).toEqual({ ok: false, reason: "expired" });
    expect(django({ urls: [url], maxAge: 3600 }).verified).toEqual(["/media/report.pdf"]);
    expect(await signerOf({ maxAge: 3600 }).verify({ url })).toMatchObject({ ok: true });
  });

  it("a key that was withdrawn there is a fallback key here", async () => {
    const [url = ""] = django({ names: ["report.pdf"], settings: { SECRET_KEY: "the-older-key" } }).signed;
    expect(await signerOf().verify({ url })).toEqual({ ok: false, reason: "invalid" });
    expect(await signerOf({ fallbackKeys: ["the-older-key"] }).verify({ url })).toMatchObject({ ok: true });
  });

  it("sha1, the algorithm of a Django before 3.1, is spoken as well", async () => {
    const signer = signerOf({ algorithm: "sha1" });
    const urls = [await signer.sign("/media/report.pdf")];
    const { signed, verified } = django({ names: ["report.pdf"], urls, algorithm: "sha1" });
    expect(await signer.verify({ url: signed[0] ?? "" })).toMatchObject({ ok: true });
    expect(await signerOf().verify({ url: signed[0] ?? "" })).toEqual({ ok: false, reason: "invalid" });
    expect(verified).toEqual(["/media/report.pdf"]);
  });
});
