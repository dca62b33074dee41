import { generateKeyPairSync } from "node:crypto";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import { VirtualFile } from "../../files/virtual-file.ts";
import { urlValidity } from "../../storages/object-store/url-validity.ts";
import { cloudFront, cloudFrontCookies, type CloudFrontCookieOptions } from "./cloudfront.ts";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const privateKey = pair.privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const keyPairId = "K2JCJMDEHXQW5F";

describe("cloudFront", () => {
  it.each([
    ["report.pdf", {}, "https://cdn.example/media/report.pdf"],
    ["//other.example/a", {}, "https://cdn.example/media///other.example/a"],
    ["/a", {}, "https://cdn.example/media//a"],
    ["ä b/100%?#.txt", {}, "https://cdn.example/media/%C3%A4%20b/100%25%3F%23.txt"],
    [
      "a",
      { contentType: "text/csv; charset=utf-8", contentDisposition: 'attachment; filename="a b.txt"' },
      "https://cdn.example/media/a?response-content-disposition=attachment%3B+filename%3D%22a+b.txt%22" +
        "&response-content-type=text%2Fcsv%3B+charset%3Dutf-8",
    ],
  ])("signs the URL of %j as the SDK does", async (name, options, url) => {
    const expiresIn = 86_400;
    const urlOf = cloudFront({ keyPairId, privateKey, baseUrl: "https://cdn.example/media/" });
    const signed = await urlOf(new VirtualFile("", { name }), { expiresIn, ...options });
    const dateLessThan = urlValidity(expiresIn).until;
    expect(signed.startsWith(url)).toBe(true);
    expect(query(signed)).toEqual(query(getSignedUrl({ url, keyPairId, privateKey, dateLessThan })));
  });

  it.each([
    { privateKey: "no key", baseUrl: "https://cdn.example/" },
    { privateKey, baseUrl: "cdn.example" },
    { privateKey, baseUrl: "/media" },
  ])("refuses $baseUrl", (options) => {
    expect(() => cloudFront({ keyPairId, ...options })).toThrow(ImproperlyConfiguredError);
  });
});

describe("cloudFrontCookies", () => {
  const noon = Date.UTC(2026, 0, 1, 12);
  beforeEach(() => void vi.useFakeTimers({ now: noon, toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());
  const cookiesFor = cloudFrontCookies({ keyPairId, privateKey, baseUrl: "https://cdn.example.com/media" });

  it.each<[folder: string, options: CloudFrontCookieOptions, resource: string, more: object]>([
    ["videos/4", { expiresIn: 60 }, "https://cdn.example.com/media/videos/4/*", {}],
    ["videos/4/", { expiresIn: 60 }, "https://cdn.example.com/media/videos/4/*", {}],
    ["a*?b", { expiresIn: 60 }, "https://cdn.example.com/media/a%2A%3Fb/*", {}],
    [
      "ä b",
      { expiresIn: 60, ipPrefix: "203.0.113.0/24" },
      "https://cdn.example.com/media/%C3%A4%20b/*",
      { IpAddress: { "AWS:SourceIp": "203.0.113.0/24" } },
    ],
  ])("signs %s as the SDK does", async (folder, options, resource, more) => {
    const condition = { DateLessThan: { "AWS:EpochTime": noon / 1000 + 60 }, ...more };
    const policy = JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] });
    const cookies = (await cookiesFor(folder, options)).map((cookie) => cookie.split(";")[0]!.split("="));
    expect(Object.fromEntries(cookies)).toEqual(getSignedCookies({ keyPairId, privateKey, policy }));
  });

  it.each<[Partial<CloudFrontCookieOptions>, string]>([
    [{}, "Path=/media/videos/4/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"],
    [
      { domain: "example.com", sameSite: "None", partitioned: true },
      "Path=/media/videos/4/; Max-Age=60; Domain=example.com; HttpOnly; Secure; SameSite=None; Partitioned",
    ],
  ])("has the attributes %o", async (options, attributes) => {
    const cookies = await cookiesFor("videos/4", { expiresIn: 60, ...options });
    for (const cookie of cookies) expect(cookie.slice(cookie.indexOf(";") + 2)).toBe(attributes);
  });

  it.each(["", "/", "..", "videos/../4", "./4", "videos//4", "/videos", "a;b", "a\\b", "a\nb"])(
    "refuses the folder %j",
    async (folder) => {
      await expect(cookiesFor(folder, { expiresIn: 60 })).rejects.toThrow(InvalidPathError);
    },
  );

  it.each<Partial<CloudFrontCookieOptions>>([
    { expiresIn: 0 },
    { expiresIn: NaN },
    { ipPrefix: "2001:db8::/32" },
    { ipPrefix: "here" },
    { domain: "example.com; Secure" },
  ])("refuses %o", async (options) => {
    await expect(cookiesFor("videos", { expiresIn: 60, ...options })).rejects.toThrow(ImproperlyConfiguredError);
  });
});

function query(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}
