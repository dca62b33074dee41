import { describe, expect, it } from "vitest";
import { toFetchHandler } from "../adapters/fetch.ts";
import { PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { signatureRequired } from "../signing/signature-required.ts";
import { URLSigner } from "../signing/url-signer.ts";
import { MemorySelections } from "./memory-selections.ts";
import { selections, type Selections, type SelectionsOptions } from "./selections.ts";

const lastModified = new Date("2026-01-02T03:04:05Z");

function make(options: Partial<SelectionsOptions<Request>> = {}): Selections<Request> {
  return selections<Request>({
    store: new MemorySelections(),
    getIds: async (_, { native }) => ((await native.json()) as { ids: string[] }).ids,
    getUrl: (selection) => `http://localhost/selections/${selection}`,
    getEntries: (ids) => ids.map((id) => ({ name: `${id}.txt`, file: new VirtualFile(id, { lastModified }) })),
    ...options,
  });
}

const select = ({ post }: Selections<Request>, ids: unknown): Promise<Response> =>
  toFetchHandler(post)(new Request("http://localhost/selections", { method: "POST", body: JSON.stringify({ ids }) }));

function fetchSelection({ get }: Selections<Request>, url: string, headers: HeadersInit = {}): Promise<Response> {
  const selection = new URL(url).pathname.split("/").at(-1);
  return toFetchHandler(get)(new Request(url, { headers }), { params: { selection } });
}

describe("selections()", () => {
  it("redirects a POST to an archive that resumes", async () => {
    const handlers = make();
    const redirect = await select(handlers, ["a", "b"]);
    expect(redirect.status).toBe(303);
    expect(redirect.headers.get("Cache-Control")).toBe("no-store");
    const url = redirect.headers.get("Location")!;
    expect(url).toMatch(/\/selections\/[0-9a-f]{32}$/);
    const whole = await fetchSelection(handlers, url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(bytes.byteLength).toBe(Number(whole.headers.get("Content-Length")));
    const rest = await fetchSelection(handlers, url, { Range: "bytes=50-", "If-Range": whole.headers.get("ETag")! });
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(50))).toBe(true);
  });

  it("asks for permission at each GET", async () => {
    let isAllowed = true;
    const handlers = make({
      getEntries: () => {
        if (!isAllowed) throw new PermissionDeniedError();
        return [];
      },
    });
    const url = (await select(handlers, ["a"])).headers.get("Location")!;
    expect((await fetchSelection(handlers, url)).status).toBe(200);
    isAllowed = false;
    expect((await fetchSelection(handlers, url)).status).toBe(403);
  });

  it("has a URL that can be signed", async () => {
    const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
    const { post, get } = make({ getUrl: (selection) => signer.sign(`http://localhost/selections/${selection}`) });
    const handlers = { post, get: signatureRequired(get, { signer }) };
    const url = (await select(handlers, ["a"])).headers.get("Location")!;
    expect((await fetchSelection(handlers, url)).status).toBe(200);
    expect((await fetchSelection(handlers, url.split("?")[0]!)).status).toBe(403);
  });

  it.each<[string, unknown, number]>([
    ["no list", "a", 400],
    ["an empty list", [], 400],
    ["what is no text", [1], 400],
    ["too many", ["a", "b", "c", "d"], 413],
    ["too much text", ["a".repeat(1_000_001)], 413],
  ])("refuses %s", async (_, ids, status) => {
    expect((await select(make({ maxEntries: 3 }), ids)).status).toBe(status);
  });

  it("does not find a selection that is unknown or has expired", async () => {
    let now = Date.now();
    const handlers = make({ store: new MemorySelections({ now: () => new Date(now) }), expiresIn: 60 });
    const url = (await select(handlers, ["a"])).headers.get("Location")!;
    expect((await fetchSelection(handlers, "http://localhost/selections/0")).status).toBe(404);
    now += 61_000;
    expect((await fetchSelection(handlers, url)).status).toBe(404);
  });

  it.each<[keyof Selections, string, string]>([
    ["post", "GET", "POST"],
    ["get", "DELETE", "GET, HEAD"],
  ])("answers to its own methods alone: %s is not for %s", async (name, method, allow) => {
    const response = await toFetchHandler(make()[name])(new Request("http://localhost/", { method }));
    expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
  });

  it.each([{ expiresIn: 0 }, { getIds: undefined }, { getEntries: 1 as never }])(
    "refuses %o when it is made",
    (options) => {
      expect(() => make(options as never)).toThrow(/positive number|needs the function/);
    },
  );
});

describe("MemorySelections", () => {
  it("drops the oldest selections when it is full", () => {
    const store = new MemorySelections({ maxLength: 400 });
    for (const name of ["a", "b", "c", "d"]) store.add(name, ["x".repeat(100)], Date.now() + 60_000);
    expect(["a", "b", "c", "d"].map((name) => store.get(name) !== undefined)).toEqual([false, false, true, true]);
  });
});
