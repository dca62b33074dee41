/** How the frameworks learn of what goes wrong: the status, its header fields, and the server's log once. */
import {
  download,
  ImproperlyConfiguredError,
  PermissionDeniedError,
  UpstreamError,
  VirtualDownloadView,
  VirtualFile,
  withMiddleware,
  type DownloadResult,
} from "downloadview";
import { toAstroHandler } from "downloadview/astro";
import { toElysiaHandler } from "downloadview/elysia";
import { toFetchHandler } from "downloadview/fetch";
import { toH3Handler } from "downloadview/h3";
import { toHonoHandler } from "downloadview/hono";
import { toNextHandler } from "downloadview/next";
import { toReactRouterLoader } from "downloadview/react-router";
import { toSvelteKitHandler } from "downloadview/sveltekit";
import { Elysia } from "elysia";
import { H3, HTTPError } from "h3";
import { Hono, type ErrorHandler } from "hono";
import type { HTTPException } from "hono/http-exception";
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from "vitest";

type Mount = (handler: never) => (request: Request) => Response | Promise<Response>;

const view = VirtualDownloadView.asView({ getFile: () => new VirtualFile("hello", { name: "a.txt" }) });
const busy = async (): Promise<never> => {
  throw new UpstreamError(503, "Upstream failed", { headers: { "Retry-After": "7" } });
};
const busyless = async (): Promise<DownloadResult> => download("hello", { name: "a.txt" });
const forbidden = async (): Promise<never> => {
  throw new PermissionDeniedError();
};

const thrown = async (response: Promise<Response>): Promise<Response> => response.catch((error: Response) => error);

const frameworks: Record<string, Mount> = {
  Hono: (handler) => {
    const app = new Hono().all("/", toHonoHandler(handler));
    return (request) => app.fetch(request);
  },
  h3: (handler) => {
    const app = new H3().all("/", toH3Handler(handler));
    return async (request) => app.fetch(request);
  },
  Elysia: (handler) => {
    const app = new Elysia().all("/", toElysiaHandler(handler));
    return (request) => app.handle(request);
  },
  Next: (handler) => (request) => toNextHandler(handler)(request, { params: Promise.resolve({}) }),
  SvelteKit: (handler) => (request) => toSvelteKitHandler(handler)({ request, params: {} }),
  Astro: (handler) => (request) => toAstroHandler(handler)({ request, params: {} }),
  "React Router": (handler) => (request) => thrown(toReactRouterLoader(handler)({ request, params: {} })),
  fetch: (handler) => toFetchHandler(handler),
};
const names = Object.keys(frameworks);

describe("errors", () => {
  let log: MockInstance;
  beforeEach(() => void (log = vi.spyOn(console, "error").mockImplementation(() => undefined)));
  afterEach(() => log.mockRestore());

  const ask = async (name: string, handler: unknown, init?: RequestInit): Promise<Response> =>
    (frameworks[name] as Mount)(handler as never)(new Request("http://localhost/", init));

  it.each(names)("keep their status and Retry-After in %s", async (name) => {
    const { status, headers } = await ask(name, busy);
    expect([status, headers.get("Retry-After")]).toEqual([503, "7"]);
  });

  // Elysia logs no error by itself: it tells its `onError`.
  it.each(names.filter((name) => name !== "Elysia"))("of 503 are logged once in %s", async (name) => {
    await ask(name, busy);
    expect(log).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: "UpstreamError" }));
  });

  it.each(names)("of 403 are logged nowhere in %s", async (name) => {
    expect((await ask(name, forbidden)).status).toBe(403);
    expect(log).not.toHaveBeenCalled();
  });

  it.each(names)("of 405 tell the methods in %s", async (name) => {
    const { status, headers } = await ask(name, view, { method: "DELETE" });
    expect([status, headers.get("Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  it.each(names)("are none where the client has left in %s", async (name) => {
    const leaving = new AbortController();
    leaving.abort();
    await ask(name, busy, { signal: leaving.signal });
    expect(log).not.toHaveBeenCalled();
  });

  it("go to h3's onError alone, where there is one, as errors of their status", async () => {
    const onError = vi.fn();
    await new H3({ onError }).get("/", toH3Handler(busy)).fetch(new Request("http://localhost/"));
    expect(onError).toHaveBeenCalledOnce();
    const error: HTTPError = onError.mock.lastCall?.[0];
    expect([HTTPError.isError(error), error.status, error.unhandled]).toEqual([true, 503, undefined]);
    expect(log).not.toHaveBeenCalled();
  });

  it.each<[string, ErrorHandler]>([
    [
      "logs and calls getResponse()",
      (error) => {
        console.error(error);
        return (error as HTTPException).getResponse();
      },
    ],
    [
      "calls getResponse() and logs then",
      (error) => {
        const response = (error as HTTPException).getResponse();
        console.error(error);
        return response;
      },
    ],
    [
      "logs the message alone",
      (error, context) => {
        console.error(error.message);
        return context.newResponse(null, (error as HTTPException).getResponse());
      },
    ],
    ["calls getResponse() and does not log", (error) => (error as HTTPException).getResponse()],
  ])("are logged once by Hono's onError that %s", async (_name, onError) => {
    log.mockImplementation((error: Error) => void error.stack);
    const app = new Hono().onError(onError).get("/", toHonoHandler(busy));
    const { status } = await app.request("/");
    await new Promise(setImmediate);
    expect(status).toBe(503);
    expect(log).toHaveBeenCalledOnce();
  });

  it("go to Elysia's onError once, which learns the status and the cause", async () => {
    const onError = vi.fn(({ error }: { error: unknown }) => console.error(error));
    const app = new Elysia().onError(onError).get("/", toElysiaHandler(busy));
    expect((await app.handle(new Request("http://localhost/"))).status).toBe(503);
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ status: 503, cause: expect.objectContaining({ name: "UpstreamError" }) }),
    );
  });

  it("do not show Elysia's clients a message that is for the operator", async () => {
    const misconfigured = async (): Promise<never> => {
      throw new ImproperlyConfiguredError("/srv/secret is missing");
    };
    const response = await ask("Elysia", misconfigured);
    expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
  });

  it.each<[string, unknown]>([
    ["undefined. Is a `return` missing?", undefined],
    ["null", null],
    ["a string", "hello"],
    ["an instance of Uint8Array", new Uint8Array()],
  ])("of a handler that returned %s say so", async (got, value) => {
    const request = new Request("http://localhost/");
    const returning = (async () => value) as never;
    const onError = vi.fn(() => new Response("", { status: 500 }));
    const expected = expect.stringContaining(`must return a download or a Response, got ${got}`);
    const mounts: Record<string, () => unknown> = {
      ...Object.fromEntries(
        names.map((name) => [name, () => (frameworks[name] as Mount)(returning)(request)] as const),
      ),
      Hono: () =>
        new Hono()
          .onError((error) => {
            throw error;
          })
          .get("/", toHonoHandler(returning))
          .request("/"),
      h3: async () => {
        await new H3({ onError }).get("/", toH3Handler(returning)).fetch(request);
        throw ((onError.mock.lastCall as unknown as [HTTPError])[0].cause as HTTPError).cause;
      },
      Elysia: () =>
        toElysiaHandler(returning)({ request, params: {} } as never).catch(({ cause }) => Promise.reject(cause)),
    };
    for (const [name, answer] of Object.entries(mounts)) {
      const error: unknown = await Promise.resolve()
        .then(answer)
        .catch((reason: unknown) => reason);
      expect([name, error]).toEqual([name, expect.objectContaining({ message: expected, status: 500 })]);
    }
  });

  it("of middleware that returned nothing say so", async () => {
    const handler = withMiddleware(busyless, (() => undefined) as never);
    const answer = toFetchHandler(handler)(new Request("http://localhost/"));
    await expect(answer).rejects.toThrow("A download handler and its middleware must return a download");
  });

  it.each<[status: 502 | 504, message: string]>([
    [502, "Internal Error"],
    [504, "Internal Error"],
  ])("of %i are logged once where SvelteKit's own error page shows them", async (status, message) => {
    const error = vi.fn((): never => {
      throw new Error("SvelteKit's");
    });
    const failing = async (): Promise<never> => {
      throw new UpstreamError(status, "Upstream failed");
    };
    const answer = toSvelteKitHandler(failing, { error })({ request: new Request("http://localhost/"), params: {} });
    await expect(answer).rejects.toThrow("SvelteKit's");
    expect(error).toHaveBeenCalledExactlyOnceWith(status, message);
    expect(log).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ status }));
  });

  it("of 500 go to SvelteKit's handleError", async () => {
    const error = vi.fn();
    const misconfigured = async (): Promise<never> => {
      throw new ImproperlyConfiguredError("no such rule");
    };
    const options = { error: error as never };
    const answer = toSvelteKitHandler(
      misconfigured,
      options,
    )({ request: new Request("http://localhost/"), params: {} });
    await expect(answer).rejects.toThrow("no such rule");
    expect(error).not.toHaveBeenCalled();
  });

  it("go to the onError of toFetchHandler", async () => {
    const onError = vi.fn();
    await toFetchHandler(busy, { onError })(new Request("http://localhost/"));
    expect(onError).toHaveBeenCalledOnce();
    expect(log).not.toHaveBeenCalled();
  });
});

describe("mounted", () => {
  it("in a route of Next.js that has no dynamic segment", async () => {
    const request = new Request("http://localhost/");
    for (const context of [undefined, {}, { params: undefined }, { params: Promise.resolve(undefined) }]) {
      expect(await (await toNextHandler(view)(request, context as never)).text()).toBe("hello");
    }
  });

  it("by Elysia's get alone, HEAD tells the length", async () => {
    const head = new Request("http://localhost/", { method: "HEAD" });
    const response = await new Elysia().get("/", toElysiaHandler(view)).handle(head);
    expect([response.headers.get("Content-Length"), await response.text()]).toEqual(["5", ""]);
  });

  it("by Elysia's all, HEAD has no body either", async () => {
    const head = new Request("http://localhost/", { method: "HEAD" });
    const response = await new Elysia().all("/", toElysiaHandler(view)).handle(head);
    expect([response.headers.get("Content-Length"), await response.text()]).toEqual(["5", ""]);
  });
});

describe("the client's address", () => {
  const told: (string | undefined)[] = [];
  const handler = async (
    _: unknown,
    { clientAddress }: { clientAddress?: () => string | undefined },
  ): Promise<never> => {
    told.push(clientAddress?.());
    return download("hello", { name: "a.txt" }) as never;
  };
  beforeEach(() => void (told.length = 0));
  const request = (): Request => new Request("http://localhost/");
  const srvx = (): Request => Object.assign(request(), { ip: "192.0.2.1" });
  const bun = { requestIP: () => ({ address: "192.0.2.1" }) };
  const deno = { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 } };

  it.each<[string, () => unknown]>([
    ["h3", () => new H3().get("/", toH3Handler(handler)).fetch(srvx())],
    ["srvx", () => toFetchHandler(handler)(srvx())],
    ["Bun", () => toFetchHandler(handler)(request(), bun)],
    ["Deno", () => toFetchHandler(handler)(request(), deno)],
    ["a caller of a fetch handler", () => toFetchHandler(handler)(request(), { clientAddress: "192.0.2.1" })],
    ["Hono on Bun", () => new Hono().get("/", toHonoHandler(handler)).fetch(request(), bun)],
    [
      "Hono on Bun, by the name of server",
      () => new Hono().get("/", toHonoHandler(handler)).fetch(request(), { server: bun }),
    ],
    ["Hono on Deno", () => new Hono().get("/", toHonoHandler(handler)).fetch(request(), deno)],
    [
      "Hono on Node",
      () =>
        new Hono()
          .get("/", toHonoHandler(handler))
          .fetch(request(), { incoming: { socket: { remoteAddress: "192.0.2.1" } } }),
    ],
    ["Astro", () => toAstroHandler(handler)({ request: request(), params: {}, clientAddress: "192.0.2.1" })],
    [
      "SvelteKit",
      () => toSvelteKitHandler(handler)({ request: request(), params: {}, getClientAddress: () => "192.0.2.1" }),
    ],
    [
      "an option in Next",
      () => toNextHandler(handler, { clientAddress: () => "192.0.2.1" })(request(), { params: Promise.resolve({}) }),
    ],
    [
      "an option in React Router",
      () => toReactRouterLoader(handler, { clientAddress: () => "192.0.2.1" })({ request: request(), params: {} }),
    ],
    ["Elysia on Bun", () => toElysiaHandler(handler)({ request: request(), params: {}, server: bun } as never)],
  ])("is known from %s", async (_name, answer) => {
    await answer();
    expect(told).toEqual(["192.0.2.1"]);
  });

  it("is unknown where the framework throws instead", async () => {
    const getClientAddress = (): string => {
      throw new Error("not while prerendering");
    };
    await toSvelteKitHandler(handler)({ request: request(), params: {}, getClientAddress });
    expect(told).toEqual([undefined]);
  });

  it("does not come from a header field", async () => {
    const headers = { "X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1" };
    await toFetchHandler(handler)(new Request("http://localhost/", { headers }));
    expect(told).toEqual([undefined]);
  });
});
