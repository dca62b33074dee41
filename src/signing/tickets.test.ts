import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { toFetchHandler } from "../adapters/fetch.ts";
import type { DownloadHandler } from "../responses/handler.ts";
import { download } from "../views/download.ts";
import { issueTickets, type TicketOptions, type Tickets } from "./tickets.ts";
import { URLSigner } from "./url-signer.ts";

const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
const token = { Authorization: "Bearer 42" };
const file = "https://example.com/files/a.txt";
const view: DownloadHandler = async () => download("secret", { name: "a.txt" });

function ticketsOf(options: Partial<TicketOptions> = {}): Tickets {
  return issueTickets({ signer, allow: ({ headers }) => headers.get("Authorization") === "Bearer 42", ...options });
}

function post(tickets: Tickets, headers: Record<string, string> = token, url = file): Promise<Response> {
  return toFetchHandler(tickets)(new Request(url, { method: "POST", headers }));
}

function get(tickets: Tickets, url: string, init?: RequestInit): Promise<Response> {
  return toFetchHandler(tickets.required(view))(new Request(new URL(url, file), init));
}

async function ticket(tickets: Tickets): Promise<string> {
  return ((await (await post(tickets)).json()) as { url: string }).url;
}

describe("a ticket", () => {
  it("is a short link to the file that was posted to, which no cache keeps", async () => {
    const before = Date.now();
    const response = await post(ticketsOf());
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Content-Type")).toBe("application/json");
    const { url, expiresAt } = (await response.json()) as { url: string; expiresAt: string };
    expect(url).toMatch(/^\/files\/a\.txt\?ticket=[\w-]{16}&X-Expires=\d+&X-Signature=[\w-]{43}$/);
    const life = Date.parse(expiresAt) - before;
    expect(life).toBeGreaterThanOrEqual(60_000);
    expect(life).toBeLessThan(63_000);
  });

  it("is good for one download", async () => {
    const tickets = ticketsOf();
    const mounted = toFetchHandler(tickets.required(view));
    const link = new URL(await ticket(tickets), file);
    expect(await (await mounted(new Request(link))).text()).toBe("secret");
    expect((await mounted(new Request(link))).status).toBe(403);
    expect((await mounted(new Request(new URL(await ticket(tickets), file)))).status).toBe(200);
  });

  it("is good for as many as it says", async () => {
    const tickets = ticketsOf({ limit: 2 });
    const link = await ticket(tickets);
    const statuses: number[] = [];
    for (let at = 0; at < 3; at += 1) {
      const response = await get(tickets, link);
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 403]);
  });

  it("is for one file, for GET, and is no other signed URL", async () => {
    const tickets = ticketsOf();
    const link = await ticket(tickets);
    expect((await get(tickets, link.replace("a.txt", "b.txt"))).status).toBe(403);
    expect((await get(tickets, link, { method: "POST" })).status).toBe(403);
    expect((await get(tickets, await signer.sign("/files/a.txt"))).status).toBe(403);
    expect((await get(tickets, "/files/a.txt")).status).toBe(403);
    expect(await signer.verify({ url: link })).toMatchObject({ ok: false, reason: "invalid" });
  });

  it("is for the URL that the application says, with its query", async () => {
    const tickets = ticketsOf({ url: ({ url }) => `/downloads${new URL(url).search}` });
    const response = await post(tickets, token, "https://example.com/tickets?file=7");
    expect(((await response.json()) as { url: string }).url).toMatch(/^\/downloads\?file=7&ticket=/);
  });

  it("is bound to an address, if that is wanted", async () => {
    const link = await ticket(ticketsOf({ ipPrefix: () => "203.0.113.7" }));
    expect(link).toContain("X-Ip-Prefix=203.0.113.7");
  });
});

describe("a request for a ticket", () => {
  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ["by a program", {}, 200],
    ["by a page of this site", { Origin: "https://example.com", "Sec-Fetch-Site": "same-origin" }, 200],
    [
      "by a page of this site, behind a proxy that renames it",
      { Host: "app:3000", "Sec-Fetch-Site": "same-origin" },
      200,
    ],
    ["by a page of this site, in an old browser", { Origin: "https://example.com" }, 200],
    ["by a page of another site", { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }, 403],
    ["by a page of another site, in an old browser", { Origin: "https://evil.example" }, 403],
    ["by a page of a sibling domain", { Origin: "https://a.example.com", "Sec-Fetch-Site": "same-site" }, 403],
    ["by a page that hides its origin", { Origin: "null" }, 403],
    ["by a page of another port", { Origin: "https://example.com:8443" }, 403],
    ["by a page of a site that may", { Origin: "https://app.example.org", "Sec-Fetch-Site": "cross-site" }, 200],
    ["without a token", { Authorization: "" }, 403],
    ["with another token", { Authorization: "Bearer 43" }, 403],
  ])("%s: %o is answered %i", async (_, headers, status) => {
    const tickets = ticketsOf({ origins: ["https://app.example.org"] });
    const response = await post(tickets, { ...token, ...headers });
    expect(response.status).toBe(status);
    if (status === 403) expect(await response.text()).not.toContain("X-Signature");
  });

  it("is a POST", async () => {
    const response = await toFetchHandler(ticketsOf())(new Request(file, { headers: token }));
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "POST"]);
  });

  it.each(["https://example.com/a?X-Signature=a", "https://example.com/a?X-Grant=a"])(
    "for %s, which only a signer makes, is refused",
    async (url) => {
      expect((await post(ticketsOf(), token, url)).status).toBe(404);
    },
  );
});

describe("issueTickets, used wrongly,", () => {
  it.each<[unknown, RegExp]>([
    [undefined, /signer must have/],
    [{ allow: () => true }, /signer must have/],
    [{ signer }, /allow must be a function/],
    [{ signer, allow: () => true, limit: 0 }, /limit must be/],
    [{ signer, allow: () => true, expiresIn: 0 }, /expiresIn must be/],
    [{ signer, allow: () => true, origins: ["https://app.example.com/"] }, /origins must be/],
    [{ signer, allow: () => true, origins: ["*"] }, /origins must be/],
  ])("says so at once: %o", (options, message) => {
    expect(() => issueTickets(options as TicketOptions)).toThrow(ImproperlyConfiguredError);
    expect(() => issueTickets(options as TicketOptions)).toThrow(message);
  });
});
