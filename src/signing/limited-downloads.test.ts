import { describe, expect, it } from "vitest";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile, OpenFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import {
  withMiddleware,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import type { DownloadCounter } from "./download-counter.ts";
import { limitedDownloads, type LimitedDownloadsOptions } from "./limited-downloads.ts";
import { MemoryDownloadCounter } from "./memory-download-counter.ts";
import { signatureRequired } from "./signature-required.ts";
import { URLSigner } from "./url-signer.ts";

const text = "0123456789";
const file = async (): Promise<DownloadResult> => new DownloadResponse(new VirtualFile(text, { name: "digits.txt" }));

interface Client {
  native: { ip: string };
  headers: Record<string, string>;
}
const alice: Client = { native: { ip: "203.0.113.7" }, headers: { "User-Agent": "Browser" } };
const bob: Client = { native: { ip: "203.0.113.8" }, headers: { "User-Agent": "Browser" } };

interface Answer {
  status: number;
  /** Says how the transfer went: to its end, or as many bytes as given. */
  end(bytesSent?: number): Promise<void>;
}

type Ask = (client: Client, range?: string, method?: string) => Promise<Answer>;

/** A limited link, and a way to ask for it. */
function linkOf(options: Partial<LimitedDownloadsOptions>, handler: DownloadHandler = file): Ask {
  const limited = limitedDownloads(handler, { limit: 1, key: () => "link", ...options });
  return async ({ native, headers }, range, method = "GET") => {
    const request = new Request("http://localhost/", { method, headers: { ...headers, ...(range && { range }) } });
    try {
      const result = await limited(request, { params: {}, native });
      if (result instanceof Response) return { status: result.status, end: settle };
      const { status, delivery } = await result.render(request);
      const end = (bytesSent?: number): Promise<void> => {
        if (bytesSent === undefined) delivery.finish(status, status < 300 ? text.length : 0);
        else delivery.abort(status, bytesSent);
        return settle();
      };
      return { status, end };
    } catch (error) {
      return { status: (error as { status: number }).status, end: settle };
    }
  };
}

/** The counter has heard of the end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function download(ask: Ask, client: Client, range?: string): Promise<number> {
  const { status, end } = await ask(client, range);
  await end();
  return status;
}

describe("a limited link", () => {
  it("is good for as many downloads as it says", async () => {
    const ask = linkOf({ limit: 2 });
    expect([await download(ask, alice), await download(ask, alice), await download(ask, alice)]).toEqual([
      200, 200, 403,
    ]);
    expect(await download(ask, bob)).toBe(403);
  });

  it("is good for no more downloads at once, from one client or from many", async () => {
    const ask = linkOf({ limit: 3 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(at < 10 ? alice : bob)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it("tells a client no more than any other refusal, and the log that it was used", async () => {
    const limited = limitedDownloads(file, { limit: 0, key: () => "link" });
    const error: unknown = await limited(new Request("http://localhost/"), { params: {}, native: null }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: "PermissionDeniedError", message: "Forbidden", cause: "used" });
  });

  it("does not ask the handler once it is used", async () => {
    let asked = 0;
    const ask = linkOf({}, () => {
      asked += 1;
      return file();
    });
    await download(ask, alice);
    await download(ask, alice);
    expect(asked).toBe(1);
  });

  it.each(["bytes=5-", "bytes=5-6", "bytes=5-5,9-9"])("counts a download with the range %s once", async (range) => {
    const ask = linkOf({});
    const first = await ask(alice);
    expect(await download(ask, alice, range)).toBe(206);
    expect(await download(ask, bob, range)).toBe(403);
    await first.end();
  });

  it("lets a client resume, or begin again, what broke off", async () => {
    const ask = linkOf({});
    await (await ask(alice)).end(5);
    const again = await ask(alice);
    expect(again.status).toBe(200);
    await again.end(9);
    expect(await download(ask, bob)).toBe(403);
    expect(await download(ask, alice, "bytes=9-")).toBe(206);
    expect(await download(ask, alice)).toBe(200);
    expect(await download(ask, alice)).toBe(403);
  });

  it("lets no other client resume", async () => {
    const ask = linkOf({});
    await (await ask(alice)).end(5);
    expect(await download(ask, bob, "bytes=5-")).toBe(403);
    expect(await download(ask, { ...alice, headers: { "User-Agent": "Another" } }, "bytes=5-")).toBe(403);
  });

  it("lets a client resume for a time only", async () => {
    let time = 0;
    const ask = linkOf({ resumeWithin: 60, now: () => new Date(time) });
    await (await ask(alice)).end(5);
    time = 59_999;
    expect(await download(ask, alice, "bytes=5-")).toBe(206);
    time += 60_000;
    expect(await download(ask, alice, "bytes=5-")).toBe(403);
  });

  it("takes each request for a download of its own, where it can't tell clients apart", async () => {
    const unknown = { native: {} as Client["native"], headers: alice.headers };
    const ask = linkOf({ limit: 2 });
    expect(await download(ask, unknown, "bytes=0-4")).toBe(206);
    expect(await download(ask, unknown, "bytes=5-")).toBe(206);
    expect(await download(ask, unknown, "bytes=5-")).toBe(403);
  });

  it("identifies clients by the `client` option", async () => {
    const ask = linkOf({ client: () => "user 7" });
    await (await ask(alice)).end(5);
    expect(await download(ask, bob, "bytes=5-")).toBe(206);
  });

  it.each([
    ["a range past the end", { range: "bytes=99-" }, 416],
    ["a copy that is still good", { "If-None-Match": "*" }, 304],
    ["another version", { "If-Match": '"other"' }, 412],
  ])("is not used by an answer without the file: %s", async (_, headers, status) => {
    const ask = linkOf({});
    expect(await download(ask, { ...alice, headers })).toBe(status);
    expect(await download(ask, bob)).toBe(200);
  });

  it("is used where such an answer is asked for beside a download", async () => {
    const ask = linkOf({});
    const beyond = await ask(alice, "bytes=99-");
    const piece = await ask(alice, "bytes=1-");
    await beyond.end();
    expect(await download(ask, bob)).toBe(403);
    await piece.end();
    expect(await download(ask, bob)).toBe(403);
  });

  it("is not used by HEAD, which is refused once it is", async () => {
    const ask = linkOf({});
    expect((await ask(alice, undefined, "HEAD")).status).toBe(200);
    expect((await ask(bob, undefined, "HEAD")).status).toBe(200);
    expect(await download(ask, alice)).toBe(200);
    expect((await ask(alice, undefined, "HEAD")).status).toBe(403);
  });

  it.each<[string, DownloadHandler]>([
    ["throws", async () => Promise.reject(new FileNotFoundError())],
    ["answers with an error", async () => new Response(null, { status: 404 })],
    [
      "has a file that is not there",
      async () => {
        const missing = { name: "a", stat: notFound, open: notFound };
        return new DownloadResponse(missing);
      },
    ],
  ])("is not used where the handler %s", async (_, broken) => {
    let fails = true;
    const ask = linkOf({}, (request, context) => (fails ? broken(request, context) : file()));
    expect(await download(ask, alice)).toBe(404);
    fails = false;
    expect(await download(ask, bob)).toBe(200);
  });

  it("is not used by a client that leaves before the first byte", async () => {
    const ask = linkOf({});
    await (await ask(alice)).end(0);
    expect(await download(ask, bob)).toBe(200);
  });

  it.each<[string, DownloadHandler]>([
    ["a proxy", async () => new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/a" } })],
    ["another server", async () => new Response(null, { status: 302, headers: { Location: "/b" } })],
    ["a web Response", async () => new Response("bytes")],
  ])("is used if the file is handed to %s, which does not report the outcome", async (_, handler) => {
    const ask = linkOf({}, handler);
    expect((await ask(alice)).status).toBeLessThan(400);
    expect((await ask(alice, "bytes=5-")).status).toBeLessThan(400);
    expect((await ask(alice)).status).toBe(403);
  });
});

function notFound(): Promise<never> {
  return Promise.reject(new FileNotFoundError());
}

describe("a link that counts completed downloads", () => {
  it("is good until the first download that arrived", async () => {
    const ask = linkOf({ count: "completed" });
    await (await ask(alice)).end(9);
    await (await ask(bob)).end(9);
    expect(await download(ask, alice)).toBe(200);
    expect(await download(ask, alice)).toBe(403);
    expect(await download(ask, bob, "bytes=5-")).toBe(403);
  });

  it("serves no other client in the meantime", async () => {
    const ask = linkOf({ count: "completed" });
    const first = await ask(alice);
    expect((await ask(bob)).status).toBe(403);
    await first.end(9);
    expect((await ask(bob)).status).toBe(200);
  });

  it("is used by a resumed download too", async () => {
    const ask = linkOf({ count: "completed" });
    await (await ask(alice)).end(5);
    expect(await download(ask, alice, "bytes=5-")).toBe(206);
    expect(await download(ask, bob)).toBe(403);
  });
});

describe("limitedDownloads", () => {
  const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
  const context = { params: {}, native: alice.native };
  const requestOf = (url: string): DownloadRequest => ({ method: "GET", url, headers: new Headers() });

  it("counts each signed link for itself, however it is spelt", async () => {
    const handler = signatureRequired(limitedDownloads(file, { limit: 1 }), { signer });
    const [first, second] = [await signer.sign("/a?to=alice"), await signer.sign("/a?to=bob")];
    await expect(handler(requestOf(first), context)).resolves.toMatchObject({ kind: "download" });
    await expect(handler(requestOf(first), context)).rejects.toMatchObject({ status: 403, cause: "used" });
    const respelt = first.replace("alice", "%61lice").replace("/a?", "/%61?");
    await expect(handler(requestOf(respelt), context)).rejects.toMatchObject({ cause: "used" });
    await expect(handler(requestOf(second), context)).resolves.toMatchObject({ kind: "download" });
  });

  it("keeps a link no longer than its signature holds", async () => {
    const expiries: (number | undefined)[] = [];
    const counter: DownloadCounter = {
      begin: async (_, { expiresAt }) => void expiries.push(expiresAt),
      charge: async () => undefined,
      end: async () => undefined,
      allows: async () => true,
    };
    const expiresAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000);
    const url = await signer.sign("/a", { expiresAt });
    await signatureRequired(limitedDownloads(file, { limit: 1, counter }), { signer })(requestOf(url), context).catch(
      () => 0,
    );
    const daily = limitedDownloads(file, { limit: 1, counter, key: () => "a", within: 60, now: () => new Date(0) });
    await daily(requestOf("/a"), context).catch(() => 0);
    const own = limitedDownloads(file, { limit: 1, counter, key: () => "user 7" });
    await signatureRequired(own, { signer })(requestOf(url), context).catch(() => 0);
    expect(expiries).toEqual([expiresAt.getTime(), 60_000, undefined]);
  });

  it("begins the count anew after a time, if that is wanted", async () => {
    let time = 0;
    const ask = linkOf({ within: 60, now: () => new Date(time) });
    expect(await download(ask, alice)).toBe(200);
    time = 59_999;
    expect(await download(ask, alice)).toBe(403);
    time = 60_000;
    expect(await download(ask, alice)).toBe(200);
  });

  it("asks how many downloads this link is good for", async () => {
    const limit = async (request: DownloadRequest): Promise<number> =>
      Number(new URL(request.url, "http://localhost").searchParams.get("downloads"));
    const handler = limitedDownloads(file, { limit, key: ({ url }) => url });
    const asked = (url: string): Promise<unknown> => handler(requestOf(url), { params: {}, native: null });
    await asked("/a?downloads=2");
    await asked("/a?downloads=2");
    await expect(asked("/a?downloads=2")).rejects.toMatchObject({ cause: "used" });
    await expect(asked("/a?downloads=many")).rejects.toThrow(ImproperlyConfiguredError);
  });

  it("calls the response's own onFinish as well", async () => {
    const outcomes: DownloadOutcome[] = [];
    const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
    const ask = linkOf({}, async () => new DownloadResponse(new VirtualFile(text, { name: "a" }), { onFinish }));
    await download(ask, alice);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: 10, completed: true }]);
  });

  it("serves nothing where it can't count, and has no complaint of an end that it can't count", async () => {
    const failing = new MemoryDownloadCounter();
    failing.end = () => Promise.reject(new Error("lost"));
    const ask = linkOf({ limit: 2, counter: failing });
    expect(await download(ask, alice)).toBe(200);
    failing.begin = () => Promise.reject(Object.assign(new Error("lost"), { status: 503 }));
    expect(await download(ask, alice)).toBe(503);
  });

  it("passes no address and no name of a client to its counter", async () => {
    const seen: string[] = [];
    const counter: DownloadCounter = {
      begin: async (link, { client }) => void seen.push(client),
      charge: async () => undefined,
      end: async () => undefined,
      allows: async () => true,
    };
    await download(linkOf({ counter }), alice);
    await download(linkOf({ counter }), alice);
    await download(linkOf({ counter, key: () => "another" }), alice);
    expect(seen[0]).toMatch(/^[\w-]{43}$/);
    expect(seen[1]).toBe(seen[0]);
    expect(seen[2]).not.toBe(seen[0]);
  });

  it("needs a signature that was verified, or a key", async () => {
    const handler = limitedDownloads(file, { limit: 1 });
    await expect(handler(requestOf("/a?X-Signature=a"), context)).rejects.toThrow(ImproperlyConfiguredError);
  });

  it.each([{ limit: -1 }, { limit: 1.5 }, { limit: NaN }, { limit: 1, resumeWithin: -1 }, { limit: 1, within: NaN }])(
    "can't be made with %o",
    (options) => {
      expect(() => limitedDownloads(file, options)).toThrow(ImproperlyConfiguredError);
    },
  );
});

describe("limitedDownloads, used wrongly,", () => {
  const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });

  it.each<[string, () => unknown, RegExp]>([
    ["has no options", () => limitedDownloads(file, undefined as never), /limit is missing/],
    ["has no limit", () => limitedDownloads(file, {} as never), /limit must be a whole number .* got undefined/],
    ["has no handler", () => limitedDownloads(undefined as never, { limit: 1 }), /handler must be/],
    [
      "is around the signature",
      () => limitedDownloads(signatureRequired(file, { signer }), { limit: 1 }),
      /Write signatureRequired\(limitedDownloads\(/,
    ],
    ["restarts less than never", () => limitedDownloads(file, { limit: 1, restarts: -1 }), /restarts must be/],
  ])("says so at once if it %s", (_, make, message) => {
    expect(make).toThrow(ImproperlyConfiguredError);
    expect(make).toThrow(message);
  });

  it("may be around the signature if it counts something else", () => {
    const limited = limitedDownloads(signatureRequired(file, { signer }), { limit: 1, key: () => "user 7" });
    expect(limited).toBeTypeOf("function");
  });

  it("says at the first request what to write, if no signature was verified", async () => {
    const request = new Request("http://localhost/");
    await expect(limitedDownloads(file, { limit: 1 })(request, { params: {}, native: null })).rejects.toThrow(
      /found no verified signature.*Write signatureRequired\(limitedDownloads\(view, \{ limit \}\), \{ signer \}\), or set `key`/,
    );
  });
});

describe("a limited link and its response", () => {
  it("counts each request, if the handler returns one response for all", async () => {
    const response = new DownloadResponse(new VirtualFile(text, { name: "digits.txt" }));
    const ask = linkOf({ limit: 2 }, async () => response);
    expect([await download(ask, alice), await download(ask, bob), await download(ask, alice)]).toEqual([200, 200, 403]);
  });

  it("refuses one offloaded response for two requests, which can't be counted", async () => {
    const response = new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/a" } });
    const limited = limitedDownloads(async () => response, { limit: 2, key: () => "link" });
    const ask = (): Promise<DownloadResult> => limited(new Request("http://localhost/"), { params: {}, native: null });
    await ask();
    await expect(ask()).rejects.toThrow(ImproperlyConfiguredError);
  });

  it("is counted by two limits, one within the other", async () => {
    const perLink = limitedDownloads(file, { limit: 1, key: ({ url }) => url });
    const perUser = limitedDownloads(perLink, { limit: 2, key: () => "user 7" });
    const statuses: unknown[] = [];
    for (const path of ["/a", "/a", "/b", "/c"]) {
      const request = new Request(`http://localhost${path}`);
      const rendered = await perUser(request, { params: {}, native: alice.native })
        .then((result) => (result as DownloadResponse).render(request))
        .catch((error: { status: number }) => error);
      statuses.push(rendered.status);
      if ("delivery" in rendered) rendered.delivery.finish(200, text.length);
      await settle();
    }
    expect(statuses).toEqual([200, 403, 200, 403]);
  });

  it("stays used if something around it answers with another response", async () => {
    const limited = limitedDownloads(file, { limit: 1, key: () => "link" });
    const replaced = withMiddleware(limited, () => new Response(null, { status: 302, headers: { Location: "/b" } }));
    const ask = (headers = {}): Promise<DownloadResult> =>
      replaced(new Request("http://localhost/", { headers }), { params: {}, native: alice.native });
    await expect(ask()).resolves.toMatchObject({ status: 302 });
    await expect(ask()).rejects.toMatchObject({ cause: "used" });
    await expect(ask({ Range: "bytes=0-" })).rejects.toMatchObject({ cause: "used" });
  });

  it("closes a file that it refuses to send", async () => {
    const open = new Set<OpenFile>();
    const bytes = new VirtualFile(text, { name: "digits.txt" });
    const counted: DownloadFile = {
      name: "digits.txt",
      stat: () => bytes.stat(),
      open: async () => {
        const opened = await bytes.open();
        open.add(opened);
        const close = async (): Promise<void> => {
          open.delete(opened);
          await opened.close();
        };
        return {
          stat: opened.stat,
          content: (range) => opened.content(range),
          close,
          [Symbol.asyncDispose]: close,
        };
      },
    };
    const ask = linkOf({}, async () => new DownloadResponse(counted));
    expect(await download(ask, alice, "bytes=0-8")).toBe(206);
    // Its writer would close this one.
    open.clear();
    expect(await download(ask, alice, "bytes=0-8")).toBe(403);
    expect(open.size).toBe(0);
  });

  it("is not used if the counter is lost between the request and its first byte", async () => {
    const counter = new MemoryDownloadCounter();
    counter.charge = () => Promise.reject(Object.assign(new Error("lost"), { status: 503 }));
    const ask = linkOf({ counter });
    expect((await ask(alice)).status).toBe(503);
  });
});

describe("previews of a limited link", () => {
  it("are counted if that is wanted", async () => {
    const ask = linkOf({ previews: "count" });
    expect(await download(ask, { ...alice, headers: { Purpose: "prefetch" } })).toBe(200);
    expect(await download(ask, bob)).toBe(403);
  });

  it("are what the application takes for previews", async () => {
    const ask = linkOf({ previews: ({ headers }) => headers.get("x-scanner") !== null });
    expect(await download(ask, { ...alice, headers: { "X-Scanner": "mail" } })).toBe(403);
    expect(await download(ask, { ...alice, headers: { "Sec-Purpose": "prefetch" } })).toBe(200);
  });

  it("get a reason for the log, and do not reach the handler", async () => {
    const limited = limitedDownloads(() => expect.unreachable(), { limit: 1, key: () => "link" });
    const request = new Request("http://localhost/", { headers: { "User-Agent": "WhatsApp/2.23.20.0" } });
    await expect(limited(request, { params: {}, native: null })).rejects.toMatchObject({
      status: 403,
      cause: "preview",
    });
  });
});
