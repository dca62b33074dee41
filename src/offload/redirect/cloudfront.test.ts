import { generateKeyPairSync } from "node:crypto";
import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../../errors.ts";
import { VirtualFile } from "../../files/virtual-file.ts";
import { urlValidity } from "../../storages/object-store/url-validity.ts";
import { cloudFront } from "./cloudfront.ts";

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

function query(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}
