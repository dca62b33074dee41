import { describe, expect, it } from "vitest";
import { LocalFile } from "../files/local/local-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { DescribedFile } from "../files/described-file.ts";
import { FileSystemStorage } from "../storages/file-system/file-system-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { apache } from "./apache/index.ts";
import type { OffloadBackend } from "./contract.ts";
import { caddy } from "./caddy/index.ts";
import { DownloadDispatcher } from "./download-dispatcher.ts";
import { h2o } from "./h2o/index.ts";
import { lighttpd } from "./lighttpd/index.ts";
import { nginx, xAccelRedirect, XAccelRedirectResponse } from "./nginx/index.ts";
import { smartDownloadMiddleware, type SmartDownloadOptions } from "./smart-download-middleware.ts";

const request = new Request("http://localhost/");

async function offload(file: DownloadFile, options: SmartDownloadOptions, status = 200): Promise<Headers> {
  const result = await smartDownloadMiddleware(options)(new DownloadResponse(file, { status }), request);
  return new Headers([...result.headers]);
}

const media = new FileSystemStorage("/srv/media", { baseUrl: "/media/" });
const remote: DownloadFile = {
  name: "a.pdf",
  url: "https://files.example/2024/a%20b.pdf?token=1",
  stat: () => Promise.resolve({}),
  open: () => Promise.reject(new Error("not read")),
};
const hostile: DownloadFile = {
  name: "x",
  path: "/srv/media/../secret",
  stat: () => Promise.resolve({}),
  open: () => Promise.reject(new Error("not read")),
};

const byDir = { sourceDir: "/srv/media", destinationUrl: "/_downloads/", destinationDir: "/mnt" };
const byUrl = { sourceUrl: "/media/", destinationUrl: "/_by-url/" };

const files: readonly [what: string, file: DownloadFile, header: string | null][] = [
  ["a local file", new LocalFile("/srv/media/a b.pdf"), "/_downloads/a%20b.pdf"],
  ["a local file with a root", new LocalFile("a/b.pdf", { root: "/srv/media" }), "/_downloads/a/b.pdf"],
  ["a file of a storage", new StorageFile(media, "2024/été.pdf"), "/_downloads/2024/%C3%A9t%C3%A9.pdf"],
  ["a file of an object", new DescribedFile(new StorageFile(media, "a.pdf"), { size: 1 }), "/_downloads/a.pdf"],
  ["a file beside the folder", new LocalFile("/srv/media-private/a.pdf"), null],
  ["a generated file", new VirtualFile("x", { name: "/srv/media/x.txt" }), null],
  ["a name that its storage refuses", new StorageFile(media, "../secret"), null],
  ["a path that climbs", hostile, null],
  ["a name with a line feed", new LocalFile("/srv/media/a\nb"), null],
];

describe("smartDownloadMiddleware", () => {
  it.each(files)("by folder: %s", async (_what, file, header) => {
    expect((await offload(file, { backend: nginx(), rules: [byDir] })).get("X-Accel-Redirect")).toBe(header);
  });

  it("matches the URL of a storage, without its query", async () => {
    const signed = new FileSystemStorage("/elsewhere", { baseUrl: "/media/" });
    const file = new StorageFile(signed, "a b.pdf");
    expect((await offload(file, { backend: nginx(), rules: [byUrl] })).get("X-Accel-Redirect")).toBe(
      "/_by-url/a%20b.pdf",
    );
    const rule = { sourceUrl: "https://files.example/2024/", destinationUrl: "/_remote/" };
    const fields = await offload(remote, { backend: nginx(), rules: [rule] });
    expect(fields.get("X-Accel-Redirect")).toBe("/_remote/a%20b.pdf");
    expect(fields.get("X-Remote-Url")).toBeNull();
  });

  it("takes the first rule that matches", async () => {
    const rules = [{ sourceDir: "/srv/media/private", destinationUrl: "/_private/" }, byUrl, byDir];
    const options = { backend: nginx(), rules };
    expect((await offload(new LocalFile("/srv/media/private/a"), options)).get("X-Accel-Redirect")).toBe("/_private/a");
    expect((await offload(new StorageFile(media, "a"), options)).get("X-Accel-Redirect")).toBe("/_by-url/a");
    expect((await offload(new LocalFile("/srv/media/a"), options)).get("X-Accel-Redirect")).toBe("/_downloads/a");
  });

  it.each([
    [nginx(), "X-Accel-Redirect", "/_downloads/%C3%A9%20%25.txt"],
    [apache(), "X-Sendfile", "/mnt/\u00c3\u00a9 %.txt"],
    [apache({ unescape: true }), "X-Sendfile", "/mnt/%C3%A9%20%25.txt"],
    [lighttpd(), "X-Sendfile", "/mnt/%C3%A9%20%25.txt"],
    [caddy(), "X-Accel-Redirect", "/mnt/\u00c3\u00a9 %.txt"],
    [h2o({ socket: "/s" }), "X-Reproxy-URL", "http://[unix:/s]/_downloads/%C3%A9%20%25.txt"],
  ])("writes the target as $name wants it", async (backend, field, value) => {
    const fields = await offload(new LocalFile("/srv/media/é %.txt"), { backend, rules: [byDir] });
    expect(fields.get(field)).toBe(value);
  });

  it.each(["a%20b.txt", "user1/%2e%2e/user2/private.txt", "%2E%2e%2Fx"])(
    "never lets Apache decode %s: the application sends it, unless Apache is told to decode",
    async (name) => {
      const file = new LocalFile(`/srv/media/${name}`);
      expect((await offload(file, { backend: apache(), rules: [byDir] })).get("X-Sendfile")).toBeNull();
      const decoded = await offload(file, { backend: apache({ unescape: true }), rules: [byDir] });
      expect(decoded.get("X-Sendfile")).toBe(`/mnt/${name.replaceAll("%", "%25")}`);
    },
  );

  it("uses the backend of the rule", async () => {
    const rules = [{ sourceDir: "/srv/a", destinationDir: "/srv/a", backend: lighttpd() }, byDir];
    const options = { backend: nginx(), rules };
    expect((await offload(new LocalFile("/srv/a/1"), options)).get("X-Sendfile")).toBe("/srv/a/1");
    expect((await offload(new LocalFile("/srv/media/1"), options)).get("X-Accel-Redirect")).toBe("/_downloads/1");
  });

  it('lets the application send everything if the backend is "none"', async () => {
    const rules = [byDir, { sourceDir: "/srv/a", destinationDir: "/srv/a", backend: lighttpd() }];
    const fields = await offload(new LocalFile("/srv/media/1"), { backend: "none", rules });
    expect([...fields.keys()]).toEqual(["cache-control"]);
    const own = [{ ...byDir, backend: "none" as const }];
    expect(
      (await offload(new LocalFile("/srv/media/1"), { backend: nginx(), rules: own })).get("X-Accel-Redirect"),
    ).toBe(null);
  });

  it.each([201, 206, 403, 404, 500])("does not offload a response of status %i", async (status) => {
    const fields = await offload(new LocalFile("/srv/media/1"), { backend: nginx(), rules: [byDir] }, status);
    expect(fields.get("X-Accel-Redirect")).toBeNull();
  });

  it("logs once that no rule matches, with the path and the URL of the file", async () => {
    const said: string[] = [];
    const debug = (message: string): void => void said.push(message);
    const middleware = smartDownloadMiddleware({ backend: nginx(), rules: [byDir], debug });
    await middleware(new DownloadResponse(new LocalFile("/elsewhere/a")), request);
    await middleware(new DownloadResponse(new LocalFile("/elsewhere/b")), request);
    expect(said).toEqual(["No offload rule matches /elsewhere/a: the application sends it"]);
  });

  it("has nginx pass on at once what the application streams", async () => {
    const fields = await offload(new LocalFile("/elsewhere/a"), { backend: nginx(), rules: [byDir] });
    expect(fields.get("X-Accel-Buffering")).toBe("no");
  });

  it("sends the options of a rule as numbers", async () => {
    const rule = { ...byDir, withBuffering: false, limitRate: false, expires: false } as const;
    const off = await offload(new LocalFile("/srv/media/a"), { backend: nginx(), rules: [rule] });
    expect(off.get("X-Accel-Buffering")).toBe("no");
    expect(off.get("X-Accel-Limit-Rate")).toBe("0");
    expect(off.get("X-Accel-Expires")).toBe("0");
    const on = { ...byDir, withBuffering: true, limitRate: 5000, expires: new Date(1_700_000_000_500) };
    const fields = await offload(new LocalFile("/srv/media/a"), { backend: nginx(), rules: [on] });
    expect(fields.get("X-Accel-Buffering")).toBe("yes");
    expect(fields.get("X-Accel-Limit-Rate")).toBe("5000");
    expect(fields.get("X-Accel-Expires")).toBe("@1700000000");
  });

  it("has nginx limit the rate of a response, and limits it itself behind the others", async () => {
    const rateOf = async (backend: OffloadBackend): Promise<(string | null)[]> => {
      const response = new DownloadResponse(new LocalFile("/srv/media/a"), { limitRate: 1000 });
      const { headers } = await smartDownloadMiddleware({ backend, rules: [byDir] })(response, request);
      return [headers.get(backend.header), headers.get("X-Accel-Limit-Rate")];
    };
    expect(await rateOf(nginx())).toEqual(["/_downloads/a", "1000"]);
    expect(await rateOf(apache())).toEqual([null, null]);
  });

  it("asks the storage for a signed URL if the rule is presigned, and passes it in a field", async () => {
    const asked: unknown[] = [];
    const storage = Object.assign(new FileSystemStorage("/none"), {
      path: undefined,
      url: (name: string, options: unknown) => {
        asked.push(options);
        return Promise.resolve(`https://bucket.example/${encodeURIComponent(name)}?X-Amz-Signature=ab%2Fc`);
      },
    });
    const rule = { sourceUrl: "https://bucket.example/", destinationUrl: "/_remote/", presigned: { expiresIn: 60 } };
    const file = new StorageFile(storage, "a b.pdf");
    const fields = await offload(file, { backend: nginx(), rules: [rule] });
    expect(fields.get("X-Accel-Redirect")).toBe("/_remote/");
    expect(fields.get("X-Remote-Url")).toBe("https://bucket.example/a%20b.pdf?X-Amz-Signature=ab%2Fc");
    expect(asked).toEqual([{ expiresIn: 60 }]);
    const elsewhere = { ...rule, sourceUrl: "https://other.example/" };
    expect((await offload(file, { backend: nginx(), rules: [elsewhere] })).get("X-Remote-Url")).toBeNull();
  });
});

const decorated = { sourceDir: "/srv/media", destinationUrl: "/_downloads/" };

describe("xAccelRedirect", () => {
  it("keeps what a handler set on its response", async () => {
    const handler = xAccelRedirect(async () => {
      const response = new DownloadResponse(new LocalFile("/srv/media/a.txt"));
      response.headers.set("X-Test", "header");
      return response;
    }, decorated);
    const result = await handler(request, { params: {}, native: undefined });
    expect(result).toBeInstanceOf(XAccelRedirectResponse);
    expect(result.headers.get("X-Test")).toBe("header");
  });

  it("passes on a result that is not a download", async () => {
    const answer = new Response("Forbidden", { status: 403 });
    const handler = xAccelRedirect(() => Promise.resolve(answer), decorated);
    expect(await handler(request, { params: {}, native: undefined })).toBe(answer);
  });
});

describe("DownloadDispatcher", () => {
  it("stops at the first middleware that offloads", async () => {
    const seen: string[] = [];
    const dispatcher = new DownloadDispatcher([
      (response) => {
        seen.push("first");
        return response;
      },
      smartDownloadMiddleware({ backend: nginx(), rules: [byDir] }),
      (response) => {
        seen.push("last");
        return response;
      },
    ]);
    const result = await dispatcher.dispatch(new DownloadResponse(new LocalFile("/srv/media/a")), request);
    expect(result.headers.get("X-Accel-Redirect")).toBe("/_downloads/a");
    expect(seen).toEqual(["first"]);
  });
});
