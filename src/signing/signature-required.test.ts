import type { SignedUrlOptions } from "../files/download-file.ts";
import { describe, expect, it, vi } from "vitest";
import { ImproperlyConfiguredError, PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { nginx } from "../offload/nginx/index.ts";
import { OffloadedDownloadResponse } from "../offload/offloaded-download-response.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import {
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadResult,
} from "../responses/handler.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { DjangoURLSigner } from "./django-url-signer.ts";
import { signatureRequired, type SignatureRequiredOptions } from "./signature-required.ts";

import type { ResponseOverrides } from "./url-verifier.ts";
import { URLSigner, type SignOptions } from "./url-signer.ts";
import { verifiedSignature } from "./verified.ts";

const noon = Date.UTC(2026, 0, 1, 12);
let time = noon;
const now = (): Date => new Date(time);
const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef", expiresIn: 600, now });

function file(): VirtualFile {
  return new VirtualFile("<p>Hello", { name: "folder/hello.html" });
}

interface Asked extends Partial<SignatureRequiredOptions> {
  handler?: DownloadHandler;
  method?: string;
  native?: unknown;
}

async function ask(url: string, { handler, method = "GET", native, ...options }: Asked = {}): Promise<DownloadResult> {
  const protectedHandler = signatureRequired(handler ?? (async () => new DownloadResponse(file())), {
    signer,
    now,
    ...options,
  });
  return protectedHandler({ method, url, headers: new Headers() }, { params: {}, native });
}

async function refusal(asked: Promise<unknown>): Promise<PermissionDeniedError> {
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PermissionDeniedError);
  return error as PermissionDeniedError;
}

async function answered(response: SignOptions["response"], result: DownloadResult): Promise<Headers> {
  const handler = async (): Promise<DownloadResult> => result;
  const presented = await ask(await signer.sign("/a", { response }), { handler });
  if (presented instanceof Response) return presented.headers;
  const { headers } = await presented.render(new Request("http://localhost/"));
  return new Headers(Array.from({ length: headers.length / 2 }, (_, at) => [headers[2 * at]!, headers[2 * at + 1]!]));
}

describe("signatureRequired", () => {
  it("answers to a signed URL", async () => {
    const result = await ask(await signer.sign("/a?b=1"));
    expect(result).toMatchObject({ kind: "download", attachment: true });
  });

  it("refuses all others in the same words, and tells the log why", async () => {
    const url = await signer.sign("/a");
    const refusals = [
      await refusal(ask("/a")),
      await refusal(ask(url.replace("/a", "/b"))),
      await refusal(ask(url, { purpose: "invoice" })),
      await refusal(ask(url, { method: "POST" })),
    ];
    time = noon + 600_000;
    refusals.push(await refusal(ask(url)));
    time = noon;
    expect(refusals.map(({ cause }) => cause)).toEqual(["missing", "invalid", "invalid", "invalid", "expired"]);
    for (const error of refusals) {
      expect(error).toMatchObject({ status: 403, message: "Forbidden" });
      expect(await error.getResponse().text()).toBe("Forbidden\n");
    }
  });

  it("does not ask the handler before the signature is verified", async () => {
    let asked = 0;
    const handler = async (): Promise<DownloadResult> => {
      asked += 1;
      return new DownloadResponse(file());
    };
    await refusal(ask("/a", { handler }));
    expect(asked).toBe(0);
  });

  it("verifies the URL that the client asked for, where a framework has cut off the mount path", async () => {
    const url = await signer.sign("/files/a?b=1");
    const mounted = { native: { originalUrl: url } };
    await refusal(ask(url.replace("/files", ""), mounted));
    const result = await ask(url.replace("/files", ""), {
      ...mounted,
      url: (_, { native }) => (native as { originalUrl: string }).originalUrl,
    });
    expect(result).toMatchObject({ kind: "download" });
  });

  it.each([
    ["Express, Fastify and Koa", { ip: "203.0.113.7" }],
    ["Node", { socket: { remoteAddress: "::ffff:203.0.113.7" } }],
    ["h3", { req: { socket: { remoteAddress: "203.0.113.7" } } }],
    ["Hono on Node", { env: { incoming: { socket: { remoteAddress: "203.0.113.7" } } } }],
  ])("knows the client's address from %s", async (_, native) => {
    const url = await signer.sign("/a", { ipPrefix: "203.0.113.0/24" });
    expect(await ask(url, { native })).toMatchObject({ kind: "download" });
    await refusal(ask(url, { native: { ip: "203.0.114.7" } }));
    await refusal(ask(url, { native, ip: () => "203.0.114.7" }));
    await refusal(ask(url, { native, ip: () => undefined }));
  });

  it("knows no address of a fetch Request", async () => {
    const url = await signer.sign("/a", { ipPrefix: "0.0.0.0/0" });
    await refusal(ask(url, { native: new Request("http://localhost/") }));
    await refusal(ask(url, { native: undefined }));
  });

  it("verifies Django's signatures as well", async () => {
    const django = new DjangoURLSigner({ secretKey: "the key of a Django site", maxAge: 60, now });
    const result = await ask(await django.sign("/media/a.txt"), { signer: django });
    expect(result.headers.get("Cache-Control")).toBe("private, no-cache");
    expect((await refusal(ask("/media/a.txt", { signer: django }))).cause).toBe("missing");
  });

  it("tells the handler which signature it was", async () => {
    const url = await signer.sign("/a");
    let signature: string | undefined;
    const handler: DownloadHandler = async (request) => {
      signature = verifiedSignature(request)?.signature;
      return new DownloadResponse(file());
    };
    await ask(url, { handler });
    expect(url.endsWith(`X-Signature=${signature}`)).toBe(true);
    expect(verifiedSignature(new Request("http://localhost/"))).toBeUndefined();
  });
});

describe("a signed response override", () => {
  const overrides = { disposition: "inline", filename: "naïve.txt", contentType: "text/plain" } as const;
  const disposition = `inline; filename="naive.txt"; filename*=UTF-8''na%C3%AFve.txt`;

  it("presents a download", async () => {
    const headers = await answered(overrides, new DownloadResponse(file()));
    expect(headers.get("Content-Disposition")).toBe(disposition);
    expect(headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
  });

  it("wins over what the application set", async () => {
    const set = { "Content-Disposition": "attachment", "Content-Type": "text/html", "Cache-Control": "no-store" };
    const response = new DownloadResponse(file(), { headers: set });
    const headers = await answered({ ...overrides, cacheControl: "max-age=5" }, response);
    expect(headers.get("Content-Disposition")).toBe(disposition);
    expect(headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(headers.get("Cache-Control")).toBe("private, max-age=5, no-transform");
  });

  it("leaves alone what it says nothing of", async () => {
    const set = { "Content-Disposition": 'attachment; filename="kept.html"', "Content-Type": "text/html" };
    const headers = await answered({ disposition: "inline" }, new ProxiedDownloadResponse({ headers: set }));
    expect(headers.get("Content-Disposition")).toBe('inline; filename="kept.html"');
    expect(headers.get("Content-Type")).toBe("text/html");
  });

  it("keeps what a browser may run in its sandbox", async () => {
    const headers = await answered({ disposition: "inline" }, new DownloadResponse(file()));
    expect(headers.get("Content-Security-Policy")).toContain("sandbox");
  });

  it("presents what a proxy is to send", async () => {
    const response = new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/protected/a" } });
    const headers = await answered(overrides, response);
    expect(headers.get("Content-Disposition")).toBe(disposition);
    expect(headers.get("Content-Type")).toBe("text/plain");
    expect(headers.get("X-Accel-Redirect")).toBe("/protected/a");
  });

  it("presents a web Response, also one whose headers can't be changed", async () => {
    const response = await fetch("data:text/html,Hello");
    expect(() => response.headers.set("a", "b")).toThrow(TypeError);
    const headers = await answered(overrides, response);
    expect(headers.get("Content-Disposition")).toBe(disposition);
    expect(headers.get("Content-Type")).toBe("text/plain");
  });
});

describe("the Cache-Control of a signed URL", () => {
  it.each([
    [{}, "private, no-cache, no-transform"],
    [{ "Cache-Control": "public, max-age=31536000, immutable" }, "private, immutable, max-age=600, no-transform"],
    [{ "Cache-Control": "max-age=60" }, "private, max-age=60, no-transform"],
    [{ "Cache-Control": "no-store", Expires: "Thu, 01 Jan 2099 00:00:00 GMT" }, "private, no-store"],
  ])("is never longer than the signature's life: %o", async (fields, expected) => {
    const headers = await answered(undefined, new DownloadResponse(file(), { headers: fields }));
    expect(headers.get("Cache-Control")).toBe(expected);
    expect(headers.get("Expires")).toBeNull();
  });

  it("counts the seconds that are left, not those that there were", async () => {
    const url = await signer.sign("/a", { response: { cacheControl: "max-age=9999" } });
    time = noon + 590_500;
    expect((await ask(url)).headers.get("Cache-Control")).toBe("private, max-age=9");
    time = noon;
  });

  it("limits a redirect too", async () => {
    const redirect = new Response(null, { status: 302, headers: { Location: "/b", "Cache-Control": "max-age=9999" } });
    expect((await answered(undefined, redirect)).get("Cache-Control")).toBe("private, max-age=600");
  });

  it("does not make an error one to keep", async () => {
    const missing = new Response("Not Found", { status: 404 });
    expect((await answered({ contentType: "text/html" }, missing)).get("Cache-Control")).toBeNull();
    expect(missing.headers.get("Content-Type")).toBe("text/plain;charset=UTF-8");
  });

  it("only keeps an answer private, where the signature has no end", async () => {
    const url = await signer.sign("/a", { expiresIn: null });
    expect((await ask(url)).headers.get("Cache-Control")).toBe("private, no-cache");
  });
});

describe("signatureRequired around a file that another server sends", () => {
  const asked: SignedUrlOptions[] = [];
  const redirect = redirectToStorage({
    expiresIn: 600,
    url: (_, options) => {
      asked.push(options);
      return "https://cdn.example/a?signature";
    },
  });
  const offload: DownloadMiddleware = (response) =>
    new OffloadedDownloadResponse(response, nginx(), { "X-Accel-Redirect": "/_a" });

  it.each<[ResponseOverrides, string, string]>([
    [{ disposition: "inline" }, 'inline; filename="hello.html"', "text/html; charset=utf-8"],
    [{ filename: "b.html" }, 'attachment; filename="b.html"', "text/html; charset=utf-8"],
    [{ contentType: "text/plain" }, 'attachment; filename="hello.html"', "text/plain; charset=utf-8"],
  ])("hands on what the signature says of the response: %o", async (response, disposition, type) => {
    const view: DownloadHandler = async () => new DownloadResponse(file(), { activeContent: "allow" });
    const url = await signer.sign("/a", { response });
    const request = new Request("http://localhost/");

    const redirected = await ask(url, { handler: withMiddleware(view, redirect) });
    await (redirected as ProxiedDownloadResponse).render(request);
    expect(asked.at(-1)).toMatchObject({ contentDisposition: disposition, contentType: type });

    const offloaded = await ask(url, { handler: withMiddleware(view, offload) });
    const { headers } = await (offloaded as ProxiedDownloadResponse).render(request);
    expect(headers[headers.indexOf("Content-Disposition") + 1]).toBe(disposition);
    expect(headers[headers.indexOf("Content-Type") + 1]).toBe(type);
  });
});

describe("signatureRequired, used wrongly,", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["has no options", () => signatureRequired(async () => new Response(), undefined as never), /signer must have/],
    ["has no signer", () => signatureRequired(async () => new Response(), {} as never), /signer must have/],
    ["has no handler", () => signatureRequired(undefined as never, { signer }), /handler must be/],
  ])("says so at once if it %s", (_, make, message) => {
    expect(make).toThrow(ImproperlyConfiguredError);
    expect(make).toThrow(message);
  });
});

it("a signature is known to handlers of another copy of this package", async () => {
  vi.resetModules();
  const another = await import("./verified.ts");
  expect(another.verifiedSignature).not.toBe(verifiedSignature);
  let known: unknown;
  const handler: DownloadHandler = async (request) => {
    known = another.verifiedSignature(request);
    return new DownloadResponse(file());
  };
  await ask(await signer.sign("/a"), { handler });
  expect(known).toMatchObject({ ok: true });
});
