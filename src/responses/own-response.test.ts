import { describe, expect, it } from "vitest";
import { toFetchHandler } from "../adapters/fetch.ts";
import { PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { limitDownloads } from "../limits/limit-downloads.ts";
import { authorizeDownloads } from "../offload/auth-request/authorize-downloads.ts";
import { nginx } from "../offload/nginx/index.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { limitedDownloads } from "../signing/limited-downloads.ts";
import { signatureRequired } from "../signing/signature-required.ts";
import { URLSigner } from "../signing/url-signer.ts";
import { crossOrigin } from "./cross-origin.ts";
import type { DownloadOutcome } from "./delivery.ts";
import { DownloadResponse } from "./download-response.ts";
import { withMiddleware, type DownloadHandler } from "./handler.ts";
import { ownResponse } from "./own-response.ts";

const file = Object.assign(new VirtualFile("0123456789", { name: "a.txt", size: 10, etag: '"1"' }), {
  path: "/srv/media/a.txt",
  signedUrl: async () => "https://bucket.example/a.txt?signature",
});
const signer = new URLSigner({ secrets: "s".repeat(32) });
const offload = smartDownloadMiddleware({
  backend: nginx(),
  rules: [{ sourceDir: "/srv/media", destinationUrl: "/_d/" }],
});

class Own extends DownloadResponse {
  readonly #note = "own";
  get note(): string {
    return this.#note;
  }
}

/** A handler that returns one response for all requests. */
function sharing(shared: DownloadResponse = new DownloadResponse(file)): DownloadHandler {
  return async () => shared;
}

describe.each([
  ["a response", () => new DownloadResponse(file)],
  ["a response of a subclass", () => new Own(file)],
])("%s that a handler returns for all requests", (_, make) => {
  const user = (name: string, url = "http://a/a.txt"): Request => new Request(url, { headers: { "X-User": name } });

  it("has for each of them only what was added for it", async () => {
    const view = withMiddleware(sharing(make()), (response, request) => {
      response.headers.append("Set-Cookie", `user=${request.headers.get("X-User")}`);
      response.filename = `${request.headers.get("X-User")}.txt`;
      return response;
    });
    const handler = toFetchHandler(view);
    const responses = await Promise.all(["alice", "bob", "carol"].map((name) => handler(user(name))));
    const seen = responses.map(({ headers }) => [headers.getSetCookie(), headers.get("Content-Disposition")]);
    expect(seen).toEqual(
      ["alice", "bob", "carol"].map((name) => [[`user=${name}`], `attachment; filename="${name}.txt"`]),
    );
  });

  it("is presented as its own link says", async () => {
    const handler = toFetchHandler(signatureRequired(sharing(make()), { signer, resumeFor: 60 }));
    const options = { response: { filename: "salary of alice.txt", disposition: "inline" as const } };
    const first = await handler(new Request(await signer.sign("http://a/a.txt", options)));
    const second = await handler(new Request(await signer.sign("http://a/a.txt")));
    expect(first.headers.get("Content-Disposition")).toBe('inline; filename="salary of alice.txt"');
    expect(second.headers.get("Content-Disposition")).toBe('attachment; filename="a.txt"');
  });

  it("is sent for a valid link after an expired one was resumed", async () => {
    let now = new Date();
    const clock = new URLSigner({ secrets: "s".repeat(32), now: () => now });
    const view = signatureRequired(sharing(make()), { signer: clock, resumeFor: 60, now: () => now });
    const handler = toFetchHandler(view);
    const url = await clock.sign("http://a/a.txt", { expiresIn: 1 });
    await (await handler(new Request(url))).text();
    now = new Date(now.getTime() + 2000);
    const rest = await handler(new Request(url, { headers: { Range: "bytes=5-", "If-Range": '"1"' } }));
    expect([rest.status, await rest.text()]).toEqual([206, "56789"]);
    expect((await handler(new Request(await clock.sign("http://a/a.txt")))).status).toBe(200);
  });

  it.each([
    ["sent by a server in front", offload],
    ["redirected to a store", redirectToStorage({ expiresIn: 60 })],
  ])("uses up the place of its own user alone when %s", async (_, middleware) => {
    const options = { concurrent: 1, handedOver: 3600, key: ({ headers }: Request) => headers.get("X-User")! };
    const limited = limitDownloads(withMiddleware(sharing(make()), middleware), options as never);
    const handler = toFetchHandler(limited);
    const statuses: number[] = [];
    for (const name of ["alice", "bob", "carol", "alice"]) statuses.push((await handler(user(name))).status);
    expect(statuses.map((status) => status >= 400)).toEqual([false, false, false, true]);
  });

  it("is shared with the origin that asks", async () => {
    const origins = ["https://a.example", "https://b.example"];
    const view = crossOrigin({ origins })(sharing(make()));
    const context = { params: {}, native: undefined };
    const asked = origins.map((Origin) => view(new Request("http://x/a.txt", { headers: { Origin } }), context));
    const allowed = (await Promise.all(asked)).map(({ headers }) => headers.get("Access-Control-Allow-Origin"));
    expect(allowed).toEqual(origins);
  });
});

describe("ownResponse", () => {
  it("keeps the status with which a response was made: it has a body", async () => {
    const made = new DownloadResponse(file, { status: 404 });
    for (const _ of [1, 2]) {
      const own = ownResponse(made, new Request("http://a/"));
      expect(own).not.toBe(made);
      expect((await own.render(new Request("http://a/"))).body.kind).toBe("content");
    }
  });

  it("returns the same object to all wrappers around one request, and changes nothing of the original", () => {
    const [made, request] = [new DownloadResponse(file), new Request("http://a/")];
    const own = ownResponse(made, request);
    own.headers.set("X-User", "alice");
    own.beforeSend = () => undefined;
    expect(ownResponse(own, request)).toBe(own);
    expect([made.headers.get("X-User"), made.beforeSend]).toEqual([null, undefined]);
  });

  it("leaves an instance of a subclass what it is", () => {
    const made = new Own(file);
    expect(ownResponse(made, new Request("http://a/")).note).toBe("own");
  });
});

describe("limits around a grant in the path", () => {
  it("count every range of a link that is used up", async () => {
    const limited = signatureRequired(limitedDownloads(sharing(), { limit: 1 }), { signer, prefixes: true });
    const handler = toFetchHandler(limitDownloads(limited, { concurrent: 100, key: () => "all" }));
    const { url } = await signer.grant("http://a/f", { as: "path" });
    const statuses: number[] = [];
    for (let time = 0; time < 6; time += 1) {
      const response = await handler(new Request(`${url}a.txt`, { headers: { Range: "bytes=0-" } }));
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses.slice(3)).toEqual([403, 403, 403]);
  });
});

describe("a proxy that asks about a download that another wrapper offloads", () => {
  it("is counted and reported like any other", async () => {
    const ends: DownloadOutcome["kind"][] = [];
    const counted: DownloadHandler = async (request, context) => {
      const response = await withMiddleware(sharing(), offload)(request, context);
      if (!("kind" in response)) return response;
      return Object.assign(response, { onFinish: ({ kind }: DownloadOutcome) => void ends.push(kind) });
    };
    const limited = limitDownloads(counted, { concurrent: 1, handedOver: 3600, key: () => "alice" });
    const handler = authorizeDownloads(limited, { server: "caddy", trustedProxies: () => true });
    const headers = new Headers({ "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a.txt" });
    const ask = async (): Promise<number> =>
      (await handler({ method: "GET", url: "/ask", headers }, { params: {}, native: {} })).status;
    expect([await ask(), await ask(), ends]).toEqual([204, 429, ["handedOver", "failed"]]);
  });
});

describe("a proxy that asks, and is refused in the end", () => {
  it.each([
    ["by a store that can't sign", { storeFields: () => Promise.reject(new PermissionDeniedError()) }],
    ["by what counts it", {}],
  ])("%s, ends the download", async (_, options) => {
    const ends: DownloadOutcome["kind"][] = [];
    const view: DownloadHandler = async () =>
      Object.assign(new DownloadResponse(file, { onFinish: ({ kind }) => void ends.push(kind) }), {
        beforeSend: () => Promise.reject(new PermissionDeniedError()),
      });
    const handler = authorizeDownloads(view, { server: "caddy", trustedProxies: () => true, ...options });
    const headers = new Headers({ "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a.txt" });
    const { status } = await handler({ method: "GET", url: "/ask", headers }, { params: {}, native: {} });
    expect([status, ends]).toEqual([403, ["failed"]]);
  });
});
