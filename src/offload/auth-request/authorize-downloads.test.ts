import { describe, expect, it } from "vitest";
import { DownloadError, PermissionDeniedError } from "../../errors.ts";
import { VirtualFile } from "../../files/virtual-file.ts";
import type { DownloadOutcome } from "../../responses/delivery.ts";
import { DownloadResponse } from "../../responses/download-response.ts";
import type { DownloadHandler, DownloadRequest } from "../../responses/handler.ts";
import { MemoryStorage } from "../../storages/memory-storage.ts";
import { StorageDownloadView } from "../../views/storage-download-view.ts";
import { authorizeDownloads, type AuthorizeDownloadsOptions } from "./authorize-downloads.ts";
import { askingServers, normalisedTarget, type AskingServerName } from "./original-request.ts";

const storage = new MemoryStorage();
await storage.save("a b.txt", "0123456789");
const view = StorageDownloadView.asView({ storage });
const trusted = { native: { socket: { remoteAddress: "::ffff:10.0.0.7" } } };

type Options = Partial<AuthorizeDownloadsOptions>;

/** What a server sends with its question. */
type Exchange = { readonly method?: string; readonly url?: string; readonly headers?: Record<string, string> };

async function ask(
  handler: DownloadHandler,
  { method = "GET", url = "/ask", headers = {} }: Exchange,
  native: object = trusted.native,
): Promise<Response> {
  const fields = new Headers(headers);
  return (await handler({ method, url, headers: fields }, { params: {}, native })) as Response;
}

function authorizing(
  server: AskingServerName,
  handler: DownloadHandler = view,
  options: Options = {},
): DownloadHandler {
  return authorizeDownloads(handler, { server, trustedProxies: ["10.0.0.0/8"], ...options });
}

const nginx = (uri: string, method = "GET", more: Record<string, string> = {}): Exchange => ({
  headers: { "X-Original-URI": uri, "X-Original-Method": method, ...more },
});

describe("authorizeDownloads answers", () => {
  const forwarded = (uri: string): Exchange => ({
    // As Traefik 3 and Caddy 2 send it.
    headers: {
      "X-Forwarded-Method": "GET",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "files.example.com",
      "X-Forwarded-Uri": uri,
      "X-Forwarded-For": "203.0.113.9",
    },
  });
  const exchanges: [server: AskingServerName, ask: (uri: string) => Exchange, refusal: number, meant: string | null][] =
    [
      ["nginx", nginx, 403, "404"],
      ["caddy", forwarded, 404, null],
      ["traefik", forwarded, 404, null],
      // Envoy asks with the client's own method and path.
      ["envoy", (url) => ({ url, headers: { "X-Envoy-Internal": "true" } }), 404, null],
    ];
  it.each(exchanges)("%s in the form that it understands", async (server, exchange, refusal, meant) => {
    const handler = authorizing(server);
    const allowed = await ask(handler, exchange("/a%20b.txt"));
    expect(allowed.headers.get("X-Download-Status")).toBe("204");
    expect([allowed.status, allowed.headers.get("Content-Disposition"), allowed.headers.get("Content-Length")]).toEqual(
      [204, 'attachment; filename="a b.txt"', null],
    );
    const missing = await ask(handler, exchange("/missing.txt"));
    expect([missing.status, missing.headers.get("X-Download-Status")]).toEqual([refusal, meant]);
    expect(missing.headers.get("Cache-Control")).toBe("no-store");
  });

  it("Envoy with a path_prefix, and nothing outside it", async () => {
    const handler = authorizing("envoy", view, { pathPrefix: "/authorize" });
    expect((await ask(handler, { url: "/authorize/a%20b.txt" })).status).toBe(204);
    expect((await ask(handler, { url: "/a%20b.txt" })).status).toBe(403);
  });

  const errors: [what: string, error: unknown, status: number, meant: string | null, challenge: string | null][] = [
    [
      "401 with its challenge",
      new DownloadError(401, "Who?", { headers: { "WWW-Authenticate": "Bearer" } }),
      401,
      null,
      "Bearer",
    ],
    ["403", new PermissionDeniedError(), 403, null, null],
    ["404 of a framework's error", Object.assign(new Error("Not found"), { statusCode: 404 }), 403, "404", null],
    ["429", new DownloadError(429, "Later"), 403, "429", null],
    ["503", new DownloadError(503, "Later"), 403, "503", null],
  ];
  it.each(errors)("nginx: a %s", async (_, error, status, meant, challenge) => {
    const response = await ask(
      authorizing("nginx", () => Promise.reject(error)),
      nginx("/a"),
    );
    const { headers } = response;
    expect([response.status, headers.get("X-Download-Status"), headers.get("WWW-Authenticate")]).toEqual([
      status,
      meant,
      challenge,
    ]);
  });

  it("with the error, if it is the application's own fault", async () => {
    const handler = authorizing("nginx", () => Promise.reject(new TypeError("bug")));
    await expect(ask(handler, nginx("/a"))).rejects.toThrow("bug");
  });

  it("405 for a method that is no download's", async () => {
    const { status, headers } = await ask(authorizing("caddy"), {
      headers: { "X-Forwarded-Method": "DELETE", "X-Forwarded-Uri": "/a%20b.txt" },
    });
    expect([status, headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  });

  const noDownloads: [what: string, view: DownloadHandler][] = [
    ["a page", async () => new Response("Please log in", { headers: { "Content-Type": "text/html" } })],
    ["an empty answer", async () => new Response(null, { status: 204 })],
    ["its own mark", async () => new Response(null, { status: 204, headers: { "X-Download-Status": "204" } })],
    ["a 203", async () => new DownloadResponse(new VirtualFile("0", { name: "a" }), { status: 203 })],
    ["a mark on a refusal", async () => new Response(null, { status: 403, headers: { "X-Download-Status": "204" } })],
  ];
  it.each(noDownloads)("403 for %s of the view, which is no permission", async (_, noDownload) => {
    for (const server of ["nginx", "traefik"] as const) {
      const asked = server === "nginx" ? nginx("/a") : forwarded("/a");
      const { status, headers } = await ask(authorizing(server, noDownload), asked);
      expect([status, headers.get("X-Download-Status")]).toEqual([403, null]);
    }
  });

  it("a view's own response as it is, for servers that pass it on", async () => {
    const login: DownloadHandler = async () => Response.redirect("https://app.example.com/login");
    const asked: Exchange = { headers: { "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a" } };
    const { status, headers } = await ask(authorizing("traefik", login), asked);
    expect([status, headers.get("Location")]).toEqual([302, "https://app.example.com/login"]);
  });
});

describe("the view is asked", () => {
  it("for the method and the URL of the client, without ranges and preconditions", async () => {
    const requests: DownloadRequest[] = [];
    const seen: unknown[] = [];
    const recording: DownloadHandler = (request, context) => {
      requests.push(request);
      seen.push(context.params);
      return view(request, context);
    };
    const more = { Range: "bytes=0-1", "If-None-Match": "*", "If-Range": '"a"', Cookie: "session=42" };
    await ask(authorizing("nginx", recording), nginx("/a%20b.txt?x=%2F", "HEAD", more));
    expect(requests.map(({ method, url }) => [method, url])).toEqual([["HEAD", "/a%20b.txt?x=%2F"]]);
    expect(seen).toEqual([{ path: "a b.txt" }]);
    const read = ["range", "if-none-match", "if-range", "cookie"].map((name) => requests[0]?.headers.get(name));
    expect(read).toEqual([null, null, null, "session=42"]);
  });

  it("nothing for a path of another route", async () => {
    const handler = authorizing("caddy", () => Promise.reject(new Error("not to be asked")), {
      params: () => undefined,
    });
    const asked: Exchange = { headers: { "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a" } };
    expect((await ask(handler, asked)).status).toBe(404);
  });

  it("once, with a description, and is told that another server sends the file", async () => {
    const opened: string[] = [];
    const ends: DownloadOutcome["kind"][] = [];
    const transfers: unknown[] = [];
    const counted: DownloadHandler = async () => {
      const file = new VirtualFile(() => (opened.push("open"), "0123456789"), { name: "a", size: 10, etag: '"1"' });
      const response = new DownloadResponse(file, { onFinish: ({ kind }) => void ends.push(kind) });
      response.beforeSend = (transfer) => void transfers.push(transfer);
      return response;
    };
    const handler = authorizing("nginx", counted);
    await ask(handler, nginx("/a", "GET", { Range: "bytes=2-4" }));
    await ask(handler, nginx("/a", "HEAD"));
    expect([opened, ends]).toEqual([[], ["handedOver", "handedOver"]]);
    expect(transfers).toEqual([{ kind: "handedOver", bytes: 3, first: 2, size: 10, version: '"1"' }]);
  });

  it("refuses what beforeSend refuses", async () => {
    const used: DownloadHandler = async () => {
      const response = new DownloadResponse(new VirtualFile("0", { name: "a", size: 1 }));
      response.beforeSend = () => Promise.reject(new PermissionDeniedError());
      return response;
    };
    expect((await ask(authorizing("nginx", used), nginx("/a"))).status).toBe(403);
  });

  it("for the URL that the storage signs", async () => {
    const file = Object.assign(new VirtualFile("0", { name: "a", size: 1 }), {
      signedUrl: async ({ expiresIn }: { expiresIn?: number } = {}) => `https://bucket.example/a?expires=${expiresIn}`,
    });
    const stored: DownloadHandler = async () => new DownloadResponse(file);
    const { headers } = await ask(authorizing("nginx", stored, { presigned: { expiresIn: 60 } }), nginx("/a"));
    expect(headers.get("X-Remote-Url")).toBe("https://bucket.example/a?expires=60");
    expect((await ask(authorizing("nginx", stored), nginx("/a"))).headers.get("X-Remote-Url")).toBeNull();
  });
});

describe("the answer carries", () => {
  it("for nginx the path that was decided on, in the bytes that nginx compares", async () => {
    const named: DownloadHandler = async () => new DownloadResponse(new VirtualFile("0", { name: "a", size: 1 }));
    const { headers } = await ask(authorizing("nginx", named), nginx("/m/./%C3%BC%20%25.txt?x=1"));
    expect(Buffer.from(headers.get("X-Download-Path") ?? "", "latin1").toString()).toBe("/m/ü %.txt");
    const asked: Exchange = { headers: { "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/m/a" } };
    expect((await ask(authorizing("caddy", named), asked)).headers.get("X-Download-Path")).toBeNull();
    const missing = await ask(authorizing("nginx"), nginx("/missing.txt"));
    expect(missing.headers.get("X-Download-Path")).toBeNull();
  });

  it("the fields of a request to the store, if it is allowed", async () => {
    const seen: unknown[] = [];
    const options: Options = {
      storeFields: ({ name }, original) => {
        seen.push([name, original]);
        return { Authorization: "AWS4-HMAC-SHA256 x", "X-Amz-Date": "20260101T000000Z" };
      },
    };
    const asked = (url: string): Exchange => ({ url });
    const { headers } = await ask(authorizing("envoy", view, options), asked("/a%20b.txt?x"));
    expect([headers.get("Authorization"), headers.get("X-Amz-Date")]).toEqual([
      "AWS4-HMAC-SHA256 x",
      "20260101T000000Z",
    ]);
    expect(seen).toEqual([["a b.txt", { method: "GET", url: "/a%20b.txt?x", pathname: "/a b.txt" }]]);
    const missing = await ask(authorizing("envoy", view, options), asked("/missing.txt"));
    expect([missing.status, missing.headers.get("Authorization"), seen.length]).toEqual([404, null, 1]);
  });

  it("nothing, and uses nothing up, if the store can't sign", async () => {
    let charged = 0;
    const counted: DownloadHandler = async () =>
      Object.assign(new DownloadResponse(new VirtualFile("0", { name: "a", size: 1 })), {
        beforeSend: () => void (charged += 1),
      });
    const handler = authorizing("nginx", counted, { storeFields: () => Promise.reject(new Error("no key")) });
    await expect(ask(handler, nginx("/a"))).rejects.toThrow("no key");
    expect(charged).toBe(0);
  });
});

describe("an original URL is believed", () => {
  const peers: [what: string, native: object, status: number][] = [
    ["of a trusted proxy", { socket: { remoteAddress: "10.1.2.3" } }, 204],
    ["of another machine", { socket: { remoteAddress: "192.0.2.1" } }, 403],
    ["of a client that a trusted proxy names", { ip: "10.1.2.3", socket: { remoteAddress: "192.0.2.1" } }, 403],
    ["of a trusted proxy that names its client", { ip: "192.0.2.1", socket: { remoteAddress: "10.1.2.3" } }, 204],
    ["of Fastify's connection", { ip: "10.1.2.3", raw: { socket: { remoteAddress: "192.0.2.1" } } }, 403],
    ["of Koa's connection", { ip: "10.1.2.3", req: { socket: { remoteAddress: "192.0.2.1" } } }, 403],
    ["of Hono's connection", { env: { incoming: { socket: { remoteAddress: "10.1.2.3" } } } }, 204],
    ["of a connection without an address", { socket: {} }, 403],
    ["of an unknown peer", {}, 403],
  ];
  it.each(peers)("%s: %o is a %i", async (_, native, status) => {
    expect((await ask(authorizing("nginx"), nginx("/a%20b.txt"), native)).status).toBe(status);
  });

  const malformed: [what: string, fields: Record<string, string>][] = [
    ["missing", {}],
    ["without its method", { "X-Original-URI": "/a%20b.txt" }],
    ["without its URI", { "X-Original-Method": "GET" }],
    ["doubled", { "X-Original-URI": "/a%20b.txt, /secret", "X-Original-Method": "GET" }],
    ["with a doubled method", { "X-Original-URI": "/a%20b.txt", "X-Original-Method": "GET, HEAD" }],
    ["empty", { "X-Original-URI": "", "X-Original-Method": "GET" }],
    ["without a path", { "X-Original-URI": "a%20b.txt", "X-Original-Method": "GET" }],
    ["in raw bytes", { "X-Original-URI": "/\u00fc", "X-Original-Method": "GET" }],
    ["of another server", { "X-Forwarded-Uri": "/a%20b.txt", "X-Forwarded-Method": "GET" }],
  ];
  it.each(malformed)("unless it is %s", async (_, headers) => {
    expect((await ask(authorizing("nginx"), { headers })).status).toBe(403);
  });
});

describe("a path is normalised once", () => {
  const targets: [target: string, pathname: string | undefined, url?: string][] = [
    ["/a/b.txt", "/a/b.txt"],
    ["/a%20b.txt?x=../..", "/a b.txt"],
    ["https://files.example.com/a?b", "/a", "/a?b"],
    ["/a/", "/a/"],
    ["/%61", "/a"],
    ["/100%25.txt", "/100%.txt"],
    ["/a//b", "/a/b", "/a/b"],
    ["/a/./b", "/a/b", "/a/b"],
    ["/a/../b?x", "/b", "/b?x"],
    ["/a/%2e%2e/b", "/b", "/b"],
    ["/a%2Fb%20c", "/a/b c", "/a/b%20c"],
    ["/a/..%2f..%2fb", undefined],
    ["/a/..", "/", "/"],
    ["/a/b/.", "/a/b/", "/a/b/"],
    ["/..", undefined],
    ["/a%252fb", undefined],
    ["/a%25252fb", undefined],
    ["/%252e%252e/b", undefined],
    ["/a%5cb", undefined],
    [String.raw`/a\b`, undefined],
    ["/a%00", undefined],
    ["/a%0d%0ab", undefined],
    ["/%ff", undefined],
    ["/%", undefined],
    ["*", undefined],
    ["/a#", undefined],
    ["/a#/../../secret", undefined],
    ["/a?x#y", undefined],
  ];
  const resolve = (target: string, server: AskingServerName): ReturnType<typeof normalisedTarget> | undefined => {
    try {
      return normalisedTarget(target, askingServers[server]);
    } catch (error) {
      expect((error as DownloadError).status).toBeOneOf([403, 404]);
      return undefined;
    }
  };

  it.each(targets)("%s", (target, pathname, url = target) => {
    expect(resolve(target, "nginx")).toEqual(pathname === undefined ? undefined : { pathname, url });
  });

  it.each(targets)(
    "for a gateway that passes %s on, it is the file of that very path, or none",
    (target, pathname, url) => {
      const isPlain = pathname !== undefined && (url === undefined || target.startsWith("https:"));
      expect(resolve(target, "traefik")?.pathname).toBe(isPlain ? pathname : undefined);
    },
  );
});

describe("decisions are kept", () => {
  function counting(options: Options = {}): {
    handler: DownloadHandler;
    times: () => number;
    pass: (s: number) => void;
  } {
    let [asked, now] = [0, Date.now()];
    const counted: DownloadHandler = (request, context) => {
      asked += 1;
      if (request.headers.get("cookie") !== "a") throw new PermissionDeniedError();
      return view(request, context);
    };
    const key = ({ headers }: DownloadRequest): string | undefined => headers.get("cookie") ?? undefined;
    const handler = authorizing("nginx", counted, { cacheFor: 5, key, now: () => new Date(now), ...options });
    return { handler, times: () => asked, pass: (seconds) => (now += seconds * 1000) };
  }
  const as = (cookie: string, uri = "/a%20b.txt"): Exchange => nginx(uri, "GET", { Cookie: cookie });

  it("for so many seconds", async () => {
    const { handler, times, pass } = counting();
    await ask(handler, as("a"));
    pass(4.9);
    expect((await ask(handler, as("a"))).headers.get("Content-Disposition")).toBe('attachment; filename="a b.txt"');
    expect(times()).toBe(1);
    pass(0.2);
    await ask(handler, as("a"));
    expect(times()).toBe(2);
  });

  it("for one key, one URL and one method", async () => {
    const { handler, times } = counting();
    expect((await ask(handler, as("a"))).status).toBe(204);
    expect((await ask(handler, as("b"))).status).toBe(403);
    expect((await ask(handler, as("a", "/other.txt"))).status).toBe(403);
    expect((await ask(handler, nginx("/a%20b.txt", "HEAD", { Cookie: "a" }))).status).toBe(204);
    expect(times()).toBe(4);
  });

  it("never without a key, nor by default", async () => {
    for (const options of [{ key: () => undefined }, { cacheFor: 0 }]) {
      const { handler, times } = counting(options);
      await ask(handler, as("a"));
      await ask(handler, as("a"));
      expect(times()).toBe(2);
    }
  });

  it("never for a peer that is not trusted", async () => {
    const { handler } = counting();
    await ask(handler, as("a"));
    expect((await ask(handler, as("a"), { socket: { remoteAddress: "192.0.2.1" } })).status).toBe(403);
  });

  it("never for downloads that are counted", async () => {
    let asked = 0;
    const counted: DownloadHandler = async () => {
      asked += 1;
      return Object.assign(new DownloadResponse(new VirtualFile("0", { name: "a", size: 1 })), {
        beforeSend: () => undefined,
      });
    };
    const handler = authorizing("nginx", counted, { cacheFor: 5, key: () => "a" });
    await ask(handler, as("a"));
    await ask(handler, as("a"));
    expect(asked).toBe(2);
  });
});

it.each<[what: string, options: unknown]>([
  ["no server", { trustedProxies: ["::1"] }],
  ["an unknown server", { server: "apache", trustedProxies: ["::1"] }],
  ["no trusted proxies", { server: "nginx" }],
  ["an empty list of them", { server: "nginx", trustedProxies: [] }],
  ["a host name among them", { server: "nginx", trustedProxies: ["localhost"] }],
  ["a negative time", { server: "nginx", trustedProxies: ["::1"], cacheFor: -1, key: () => "a" }],
  ["a time without a key", { server: "nginx", trustedProxies: ["::1"], cacheFor: 5 }],
  ["no options", undefined],
])("authorizeDownloads refuses %s when it is made", (_, options) => {
  expect(() => authorizeDownloads(view, options as AuthorizeDownloadsOptions)).toThrow(
    expect.objectContaining({ name: "ImproperlyConfiguredError" }),
  );
});
