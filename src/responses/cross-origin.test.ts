import { describe, expect, it } from "vitest";
import { FileNotFoundError, PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { crossOrigin, type CrossOriginOptions } from "./cross-origin.ts";
import { DownloadResponse } from "./download-response.ts";
import { withMiddleware, type DownloadHandler, type DownloadResult } from "./handler.ts";
import { renderResult } from "./render.ts";

const app = "https://app.example.com";
const listed: CrossOriginOptions = { origins: [app, "https://other.example.com"], credentials: true };
const etag = '"v1"';

const view: DownloadHandler = async ({ method }) =>
  method === "OPTIONS"
    ? new Response(null, { status: 204, headers: { Allow: "GET, HEAD, OPTIONS" } })
    : new DownloadResponse(new VirtualFile("0123456789", { name: "a.txt", size: 10, etag }));

interface Told {
  readonly status: number;
  readonly headers: Headers;
}

/** The status and the fields of a response, or of the error in its place. */
async function ask(
  handler: DownloadHandler,
  fields: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Told> {
  const request = new Request("https://files.example.com/a.txt", { method });
  // A `Request` may not have these fields; what a browser sends may.
  const headers = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
  const asked = {
    method,
    url: request.url,
    headers: { get: (name: string) => headers.get(name.toLowerCase()) ?? null },
  };
  try {
    const rendered = await renderResult(await handler(asked, { params: {}, native: undefined }), asked);
    const told = new Headers();
    rendered.headers.forEach((name, at) => at % 2 === 0 && told.append(name, rendered.headers[at + 1] ?? ""));
    return { status: rendered.status, headers: told };
  } catch (error) {
    const { status, headers: told, cause } = error as PermissionDeniedError;
    return { status, headers: new Headers({ ...told, ...(typeof cause === "string" && { "X-Cause": cause }) }) };
  }
}

/** The fields that tell a browser about origins. */
function about({ headers }: Told): Record<string, string | null> {
  return {
    origin: headers.get("Access-Control-Allow-Origin"),
    credentials: headers.get("Access-Control-Allow-Credentials"),
    policy: headers.get("Cross-Origin-Resource-Policy"),
    timing: headers.get("Timing-Allow-Origin"),
    vary: headers.get("Vary"),
  };
}

const readable = { origin: app, credentials: "true", policy: "cross-origin", timing: app, vary: "Origin" };
const unreadable = { origin: null, credentials: null, policy: "same-site", timing: null, vary: "Origin" };
const anybody = { origin: "*", credentials: null, policy: "cross-origin", timing: "*", vary: null };

describe("crossOrigin", () => {
  const cases: [what: string, options: CrossOriginOptions, origin: string | undefined, fields: object][] = [
    ["a listed origin may read", listed, app, readable],
    ["another origin may not", listed, "https://evil.example", unreadable],
    ["one that begins like a listed one may not", listed, `${app}.evil.example`, unreadable],
    ["one that differs in its port may not", listed, `${app}:8443`, unreadable],
    ["one that differs in its scheme may not", listed, "http://app.example.com", unreadable],
    ["a sandboxed page may not", listed, "null", unreadable],
    ["a request without Origin is told of the origin it has not named", listed, undefined, unreadable],
    ["any origin may read with *", { origins: "*" }, app, anybody],
    ["and so may a cache, for any of them", { origins: "*" }, undefined, anybody],
    ["a function decides", { origins: async (origin) => origin === app, credentials: true }, app, readable],
    ["a function refuses", { origins: () => false }, app, unreadable],
    ["without credentials no field says so", { origins: [app] }, app, { ...readable, credentials: null }],
    ["timing can be kept", { ...listed, timing: false }, app, { ...readable, timing: null }],
    [
      "a policy can be chosen",
      { ...listed, resourcePolicy: "same-origin" },
      app,
      { ...readable, policy: "same-origin" },
    ],
  ];
  it.each(cases)("%s", async (_, options, origin, fields) => {
    const told = await ask(crossOrigin(options)(view), origin === undefined ? {} : { Origin: origin });
    expect({ status: told.status, ...about(told) }).toEqual({ status: 200, ...fields });
  });

  it("exposes what a client of downloads reads, and what the application adds", async () => {
    const { headers } = await ask(crossOrigin({ ...listed, exposedHeaders: ["X-Total"] })(view), { Origin: app });
    expect(headers.get("Access-Control-Expose-Headers")).toBe(
      "Content-Disposition, Content-Range, Accept-Ranges, Content-Length, ETag, Content-Encoding, Repr-Digest, " +
        "Content-Digest, Retry-After, X-Total",
    );
  });

  const statuses: [status: number, fields: Readonly<Record<string, string>>][] = [
    [206, { Range: "bytes=1-2" }],
    [206, { Range: "bytes=1-2,4-5" }],
    [304, { "If-None-Match": etag }],
    [412, { "If-Match": '"v0"' }],
    [416, { Range: "bytes=10-" }],
  ];
  it.each(statuses)("a %i has the fields, too: %o", async (status, fields) => {
    const handler = crossOrigin(listed)(view);
    const told = await ask(handler, { ...fields, Origin: app });
    expect({ status: told.status, origin: about(told).origin }).toEqual({ status, origin: app });
    const other = await ask(handler, { ...fields, Origin: "https://evil.example" });
    expect({ status: other.status, origin: about(other).origin }).toEqual({ status, origin: null });
    if (status < 400) expect([about(told).vary, about(other).vary]).toEqual(["Origin", "Origin"]);
  });

  const failures: [what: string, status: number, handler: DownloadHandler][] = [
    ["that the handler throws", 403, () => Promise.reject(new PermissionDeniedError())],
    [
      "that comes up while the file is read",
      404,
      async () =>
        new DownloadResponse({
          name: "a",
          stat: () => Promise.reject(new FileNotFoundError()),
          open: () => Promise.reject(new FileNotFoundError()),
        }),
    ],
    [
      "of a response that was refused later",
      403,
      async (...args) => Object.assign(await view(...args), { status: 403 }),
    ],
  ];
  it.each(failures)("a page may read an error %s", async (_, status, handler) => {
    const told = await ask(crossOrigin(listed)(handler), { Origin: app });
    expect({ status: told.status, ...about(told) }).toEqual({ status, ...readable });
    const other = await ask(crossOrigin(listed)(handler), { Origin: "https://evil.example" });
    expect(about(other).origin).toBeNull();
  });

  it("one error that is thrown for two requests tells each of them about its own origin", async () => {
    const error = new PermissionDeniedError();
    const handler = crossOrigin(listed)(() => Promise.reject(error));
    expect(about(await ask(handler, { Origin: app })).origin).toBe(app);
    expect(about(await ask(handler, { Origin: "https://evil.example" })).origin).toBeNull();
  });

  it("replaces what the view says of origins, and keeps what it says of Vary", async () => {
    const headers = { "Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*", Vary: "Cookie, Accept-Encoding" };
    const careless: DownloadHandler = async () =>
      new DownloadResponse(new VirtualFile("a", { name: "a" }), { headers });
    const told = await ask(crossOrigin(listed)(careless), { Origin: "https://evil.example" });
    expect(about(told)).toEqual({ ...unreadable, vary: "Cookie, Accept-Encoding, Origin" });
  });

  it("sets the fields on a web Response whose headers are immutable", async () => {
    const handler = crossOrigin(listed)(async () => Response.redirect("https://files.example.com/b"));
    const told = await ask(handler, { Origin: app });
    expect({ status: told.status, origin: about(told).origin }).toEqual({ status: 302, origin: app });
  });

  it("as a middleware sets the same fields", async () => {
    const handler = withMiddleware(view, crossOrigin(listed));
    expect(about(await ask(handler, { Origin: app }))).toEqual(readable);
    expect(about(await ask(handler, { Origin: "https://evil.example" }))).toEqual(unreadable);
  });

  describe("a preflight", () => {
    const preflight = { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range,if-range" };
    const varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    const never: DownloadHandler = () => Promise.reject(new Error("The view must not be asked"));

    it("of a listed origin is answered without the view", async () => {
      const options = { ...listed, allowedHeaders: ["Authorization"], maxAge: 60 };
      const { status, headers } = await ask(crossOrigin(options)(never), { Origin: app, ...preflight }, "OPTIONS");
      expect({ status, ...Object.fromEntries(headers) }).toEqual({
        status: 204,
        "access-control-allow-origin": app,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers":
          "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Want-Repr-Digest, " +
          "Want-Content-Digest, Authorization",
        "access-control-max-age": "60",
        vary: varies,
      });
    });

    it.each(["https://evil.example", "null", ""])(
      "of the origin %j is a 403, with the reason for the log",
      async (origin) => {
        const { status, headers } = await ask(crossOrigin(listed)(never), { Origin: origin, ...preflight }, "OPTIONS");
        expect({ status, cause: headers.get("X-Cause") }).toEqual({ status: 403, cause: "another origin" });
        expect([headers.get("Access-Control-Allow-Origin"), headers.get("Vary")]).toEqual([null, varies]);
      },
    );

    it("is an OPTIONS with Origin and a method: any other is the view's", async () => {
      const handler = crossOrigin(listed)(view);
      const plain = await ask(handler, { Origin: app }, "OPTIONS");
      expect(plain.headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
      const own = await ask(handler, preflight, "OPTIONS");
      expect(own.headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
    });
  });

  const faults: [what: string, options: unknown][] = [
    ["* with credentials", { origins: "*", credentials: true }],
    ["no origins", {}],
    ["no options", undefined],
    ["a string in place of a list", { origins: app }],
    ["an origin with a path", { origins: [`${app}/`] }],
    ["an origin without a scheme", { origins: ["app.example.com"] }],
    ["a pattern", { origins: ["https://*"] }],
    ["* in a list", { origins: ["*"] }],
    ["null", { origins: ["null"] }],
    ["a default port", { origins: [`${app}:443`] }],
    ["upper case", { origins: ["https://APP.example.com"] }],
    ["a time that is none", { origins: [app], maxAge: -1 }],
    ["a field name with a space", { origins: [app], exposedHeaders: ["X Total"] }],
    ["every field", { origins: [app], allowedHeaders: ["*"] }],
    ["an unknown policy", { origins: [app], resourcePolicy: "none" }],
  ];
  it.each(faults)("refuses %s when it is made", (_, options) => {
    expect(() => crossOrigin(options as CrossOriginOptions)).toThrow(
      expect.objectContaining({ name: "ImproperlyConfiguredError" }),
    );
  });

  it.each(["capacitor://localhost", "tauri://localhost", "http://localhost:5173"])(
    "takes the origin %s",
    async (origin) => {
      const told = await ask(crossOrigin({ origins: [origin] })(view as () => Promise<DownloadResult>), {
        Origin: origin,
      });
      expect(about(told).origin).toBe(origin);
    },
  );
});
