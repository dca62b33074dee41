import { describe, expect, it } from "vitest";
import { download, HTTPDownloadView, HTTPFile } from "downloadview";
import { respond, type Asked } from "../views/respond.ts";
import { answered, message, startUpstream, type Upstream } from "./upstream.ts";

const found = (location: string, status = 302): Buffer =>
  message(`HTTP/1.1 ${status} Found\nLocation: ${location}\nContent-Length: 5`, "moved");
const hello = message("HTTP/1.1 200 OK\nContent-Length: 5", "Hello");

/** A server that redirects `/` to `location`, and has a file at any other path. */
function redirecting(location: string, status?: number): Promise<Upstream> {
  return startUpstream((socket, head) => void socket.write(/^\w+ \/ /.test(head) ? found(location, status) : hello));
}

/** What a client gets, and what the log is told. */
async function served(file: HTTPFile, init: Asked = {}): Promise<{ status: number; text: string; log: string }> {
  let log = "";
  const onFinish = ({ error }: { error?: unknown }): void => void (log = String((error as Error | undefined)?.cause));
  const [status, text] = await answered(await respond(async () => download(file, { onFinish }), init));
  return { status, text, log };
}

const lineOf = (head: string | undefined): string => head?.split("\r\n")[0] ?? "";

describe("A redirect", () => {
  it.each([301, 302, 303, 307, 308])("is followed: %i", async (status) => {
    await using upstream = await redirecting("/a.txt?b=c#d", status);
    expect(await served(upstream.file("/"))).toMatchObject({ status: 200, text: "Hello" });
    expect(upstream.requests.map(lineOf)).toEqual(["GET / HTTP/1.1", "GET /a.txt?b=c HTTP/1.1"]);
  });

  it("is followed by HEAD, and with a range", async () => {
    await using upstream = await redirecting("/a.txt");
    await upstream.file("/").stat();
    await (await upstream.file("/").open({ range: { start: 1 } })).close();
    expect(upstream.requests.map(lineOf)).toEqual([
      "HEAD / HTTP/1.1",
      "HEAD /a.txt HTTP/1.1",
      "GET / HTTP/1.1",
      "GET /a.txt HTTP/1.1",
    ]);
    expect(upstream.requests[3]).toMatch(/^range: bytes=1-$/im);
  });

  it("may say a name as it is", async () => {
    await using upstream = await redirecting(Buffer.from("/ü.txt").toString("latin1"));
    expect(await served(upstream.file("/"))).toMatchObject({ status: 200 });
    expect(lineOf(upstream.requests[1])).toBe("GET /%C3%BC.txt HTTP/1.1");
  });

  it("leaves the connection to the request that follows it", async () => {
    await using upstream = await redirecting("/a.txt");
    await served(upstream.file("/"));
    expect(upstream.connections()).toBe(1);
  });

  it.each([
    ["http://127.0.0.1:1/", "its host is not among allowedHosts"],
    ["http://169.254.169.254/latest/meta-data/", "its host is not among allowedHosts"],
    ["http://[::1]/", "its host is not among allowedHosts"],
    ["//files.example/", "its host is not among allowedHosts"],
    ["file:///etc/passwd", "file: is neither http: nor https:"],
    ["data:,Hello", "data: is neither http: nor https:"],
    ["ftp://127.0.0.1/", "ftp: is neither http: nor https:"],
    ["http://user:pass@127.0.0.1/", "it has credentials"],
    ["http://a b/", "not an absolute URL"],
    ["http://[fe80::1%25lo]/", "not an absolute URL"],
  ])("to %s is refused: the log is told why, the client is not", async (location, why) => {
    await using upstream = await redirecting(location);
    const { status, text, log } = await served(upstream.file("/"));
    expect([status, text]).toEqual([502, "Bad Gateway\n"]);
    expect(log).toContain(why);
  });

  it.each(["http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://localhost/"])(
    "to %s is refused to a fetch of the application's own, too",
    async (location) => {
      const asked: unknown[] = [];
      const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
        asked.push(url, init?.redirect);
        return new Response("moved", { status: 302, headers: { Location: location } });
      };
      expect(await served(new HTTPFile("https://files.example/", { fetch }))).toMatchObject({ status: 502 });
      expect(asked).toEqual(["https://files.example/", "manual"]);
    },
  );

  it("that a fetch of the application's own has followed is looked at all the same", async () => {
    await using upstream = await redirecting("/a.txt");
    const fetchFollowing: typeof fetch = (url, init) => fetch(url, { ...init, redirect: "follow" });
    const there = new HTTPFile(`${upstream.url}/`, { fetch: fetchFollowing, allowedHosts: [upstream.host] });
    expect(await served(there)).toMatchObject({ status: 200, text: "Hello" });

    await using first = await redirecting(`${upstream.url}/a.txt`);
    const away = new HTTPFile(`${first.url}/`, { fetch: fetchFollowing, allowedHosts: [first.host] });
    expect(await served(away)).toMatchObject({ status: 502, text: "Bad Gateway\n" });
  });

  it("is not followed where requestInit says so", async () => {
    await using upstream = await redirecting("/a.txt");
    expect(await served(upstream.file("/", { requestInit: { redirect: "error" } }))).toMatchObject({ status: 502 });
    expect(upstream.requests).toHaveLength(1);
  });
});

describe("Redirects that lead nowhere", () => {
  it("to themselves are refused", async () => {
    await using upstream = await redirecting("/");
    const { status, log } = await served(upstream.file("/"));
    expect([status, upstream.requests.length]).toEqual([502, 1]);
    expect(log).toContain("circle");
  });

  it("in a circle are refused", async () => {
    const next: Record<string, string> = { "/": "/b", "/b": "/c", "/c": "/b" };
    await using upstream = await startUpstream((socket, head) => void socket.write(found(next[head.split(" ")[1]!]!)));
    const { status, log } = await served(upstream.file("/"));
    expect([status, upstream.requests.length]).toEqual([502, 3]);
    expect(log).toContain("circle");
  });

  it("always elsewhere are refused", async () => {
    let count = 0;
    await using upstream = await startUpstream((socket) => void socket.write(found(`/${(count += 1)}`)));
    const { status, log } = await served(upstream.file("/"));
    expect([status, upstream.requests.length]).toEqual([502, 11]);
    expect(log).toContain("more than 10 redirects");
  });

  it("take no more time than one answer may", async () => {
    let count = 0;
    await using upstream = await startUpstream((socket) => {
      if (++count < 3) setTimeout(() => socket.write(found(`/${count}`)), 20);
    });
    expect(await served(upstream.file("/", { timeout: 100 }))).toMatchObject({ status: 504 });
    await upstream.allClosed();
  });
});

describe("What is sent along a redirect", () => {
  const headers = {
    Authorization: "Bearer ours",
    Cookie: "session=ours",
    "Proxy-Authorization": "Basic ours",
    "PRIVATE-TOKEN": "ours",
    Accept: "text/plain",
    "User-Agent": "Own/1.0",
  };

  it("to the same origin is all of requestInit", async () => {
    await using upstream = await redirecting("/a.txt");
    await served(upstream.file("/", { requestInit: { headers } }));
    expect(upstream.requests[1]?.match(/ours/g)).toHaveLength(4);
  });

  it("to another origin is no field that may be a credential, also on the way back", async () => {
    // There, away to another one, and back.
    await using other = await startUpstream((socket) => void socket.write(found(`${first.url}/back`)));
    await using first = await startUpstream((socket, head) => {
      socket.write(head.startsWith("GET /back ") ? hello : found(`${other.url}/`));
    });
    const allowedHosts = [first.host, other.host];
    const file = new HTTPFile(`${first.url}/`, { allowedHosts, requestInit: { headers } });
    expect(await served(file)).toMatchObject({ text: "Hello" });

    expect(first.requests[0]).toContain("ours");
    for (const head of [other.requests[0], first.requests[1]]) {
      expect(head).not.toContain("ours");
      expect(head).toMatch(/^accept: text\/plain$/im);
      expect(head).toMatch(/^user-agent: Own\/1\.0$/im);
      expect(head).toMatch(/^accept-encoding: identity$/im);
    }
  });

  it("is nothing of the client's", async () => {
    await using upstream = await redirecting("/a.txt");
    const handler = HTTPDownloadView.asView({ url: `${upstream.url}/`, allowedHosts: [upstream.host] });
    const theirs = {
      Cookie: "a=theirs",
      Authorization: "theirs",
      "X-Theirs": "theirs",
      TE: "theirs",
      Range: "bytes=0-1",
    };
    await (await respond(handler, { headers: theirs })).text();
    expect(upstream.requests).toHaveLength(2);
    for (const head of upstream.requests) expect(head).not.toContain("theirs");
    for (const head of upstream.requests) expect(head).toMatch(/^range: bytes=0-1$/im);
  });

  it("is no field of the connection, where the client's fields are passed on wholesale", async () => {
    await using upstream = await redirecting("/a.txt");
    const wholesale = { TE: "trailers", "Keep-Alive": "timeout=9", "Content-Length": "7", Expect: "100-continue" };
    expect(await served(upstream.file("/", { requestInit: { headers: wholesale } }))).toMatchObject({ text: "Hello" });
    for (const head of upstream.requests) expect(head).not.toMatch(/^(te|keep-alive|content-length|expect):/im);
  });
});
