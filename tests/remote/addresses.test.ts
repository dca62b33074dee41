import { readOpened } from "downloadview";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { download, HTTPDownloadView, HTTPFile, type UpstreamError } from "downloadview";
import { nodeFetch } from "../../src/files/remote/node-fetch.ts";
import { respond } from "../views/respond.ts";
import { requires } from "../support/requires.ts";
import { answered, message, startUpstream, type Upstream } from "./upstream.ts";

const hello = message("HTTP/1.1 200 OK\nContent-Length: 5", "Hello");
const startHello = (): Promise<Upstream> => startUpstream((socket) => void socket.write(hello));
const portOf = ({ host }: Upstream): string => host.split(":")[1]!;

async function textOf(file: HTTPFile): Promise<string> {
  await using opened = await file.open();
  let text = "";
  for await (const chunk of readOpened(opened)) text += Buffer.from(chunk).toString();
  return text;
}

const failureOf = (file: HTTPFile): Promise<UpstreamError> =>
  textOf(file).then(
    () => expect.unreachable("should have failed"),
    (error: UpstreamError) => error,
  );

/** Of the public internet, and nobody's: what is sent there goes nowhere. */
const nobody = "2000::1";

describe("The address of a remote file", () => {
  it.each([
    ["127.0.0.1"],
    ["::ffff:127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    ["::1"],
    ["fe80::1%lo"],
    [nobody, "127.0.0.1"],
    ["127.0.0.1", nobody],
  ])("is not connected to where a name resolves to %s", async (...addresses) => {
    await using upstream = await startHello();
    const url = `http://files.example:${portOf(upstream)}/`;
    const error = await failureOf(new HTTPFile(url, { resolve: async () => addresses }));
    expect([error.status, error.message]).toEqual([502, "Upstream refused"]);
    expect(String(error.cause)).toMatch(/files\.example is refused: .* name it in allowedHosts/);
    expect(upstream.connections()).toBe(0);
  });

  it("is looked up once a connection: what was found harmless is what is connected to", async () => {
    await using upstream = await startHello();
    let asked = 0;
    const rebinding = async (): Promise<string[]> => (asked++ === 0 ? [nobody] : ["127.0.0.1"]);
    const url = `http://files.example:${portOf(upstream)}/`;
    const options = { resolve: rebinding, connectTimeout: 100 };
    const first = await failureOf(new HTTPFile(url, options));
    expect([asked, [502, 504].includes(first.status), first.message]).toEqual([
      1,
      true,
      expect.not.stringContaining("refused"),
    ]);
    const second = await failureOf(new HTTPFile(url, options));
    expect([asked, second.status, second.message]).toEqual([2, 502, "Upstream refused"]);
    expect(upstream.connections()).toBe(0);
  });

  it("is checked anew for the name that a redirect leads to", async () => {
    await using upstream = await startHello();
    const resolve = async (): Promise<string[]> => ["127.0.0.1"];
    const send = nodeFetch({ publicOnly: true, resolve, connectTimeout: 1000 });
    // Only the first of the two servers is not there.
    const fetch = ((url: string, init: RequestInit) =>
      url === "http://first.example/"
        ? Response.redirect(`http://second.example:${portOf(upstream)}/`)
        : send?.(url, init)) as typeof globalThis.fetch;
    const error = await failureOf(new HTTPFile("http://first.example/", { fetch }));
    expect(String(error.cause)).toContain("second.example is refused: 127.0.0.1 is a loopback address");
    expect(upstream.connections()).toBe(0);
  });

  it("may be private where the host is allowed, and its connection is nobody else's", async () => {
    await using upstream = await startHello();
    const host = `files.example:${portOf(upstream)}`;
    const resolve = async (): Promise<string[]> => ["127.0.0.1"];
    const allowed = new HTTPFile(`http://${host}/`, { resolve, allowedHosts: [host] });
    expect(await textOf(allowed)).toBe("Hello");
    expect(await failureOf(new HTTPFile(`http://${host}/`, { resolve }))).toMatchObject({ status: 502 });
    expect(await textOf(allowed)).toBe("Hello");
    expect([upstream.connections(), upstream.requests.length]).toEqual([1, 2]);
    expect(upstream.requests[0]).toMatch(new RegExp(`^host: ${host}$`, "im"));
  });

  it("is the next one where one is not reached", async () => {
    await using upstream = await startHello();
    const host = `files.example:${portOf(upstream)}`;
    const resolve = async (): Promise<string[]> => ["127.0.0.2", "127.0.0.1"];
    expect(await textOf(new HTTPFile(`http://${host}/`, { resolve, allowedHosts: [host] }))).toBe("Hello");
  });

  it("is found by the system's resolver", async () => {
    await using upstream = await startHello();
    const host = `localhost:${portOf(upstream)}`;
    expect(await textOf(new HTTPFile(`http://${host}/`, { allowedHosts: [host] }))).toBe("Hello");
  });

  it.each<[string, () => Promise<string[]>, string]>([
    ["has none", async () => [], "it has no address"],
    ["cannot be resolved", () => Promise.reject(new Error("SERVFAIL")), "SERVFAIL"],
    ["resolves to nonsense", async () => ["nonsense"], "not an address"],
  ])("where a name %s: 502", async (_, resolve, why) => {
    const error = await failureOf(new HTTPFile("http://files.example/", { resolve }));
    expect([error.status, String(error.cause)]).toEqual([502, expect.stringContaining(why)]);
  });

  it("is checked for download(url) and HTTPDownloadView too", async () => {
    await using upstream = await startHello();
    const url = `${upstream.url}/a.txt`;
    const view = HTTPDownloadView.asView({ getUrl: () => url });
    for (const handler of [async () => download(new URL(url)), view]) {
      expect(await answered(await respond(handler))).toEqual([502, "Bad Gateway\n"]);
    }
    expect(upstream.connections()).toBe(0);
  });
});

describe("A connection", () => {
  it("that the server closed while it was idle is made anew", async () => {
    const served = new WeakSet<object>();
    await using upstream = await startUpstream((socket) => {
      if (served.has(socket)) return void socket.destroy();
      served.add(socket);
      socket.write(hello);
    });
    expect(await textOf(upstream.file("/"))).toBe("Hello");
    expect(await textOf(upstream.file("/"))).toBe("Hello");
    expect([upstream.connections(), upstream.requests.length]).toEqual([2, 3]);
  });

  it("that is taken up again may be slower to answer than a new one to connect", async () => {
    let count = 0;
    await using upstream = await startUpstream((socket) => {
      setTimeout(() => socket.write(hello), (count += 1) === 1 ? 0 : 150);
    });
    const file = upstream.file("/", { connectTimeout: 100 });
    expect([await textOf(file), await textOf(file), upstream.connections()]).toEqual(["Hello", "Hello", 1]);
  });

  it("that nobody takes up again is closed after a few seconds", async () => {
    await using upstream = await startHello();
    await textOf(upstream.file("/"));
    const [socket] = upstream.sockets;
    await once(socket!, "close");
  });

  it("that breaks before an answer is not made again and again", async () => {
    await using upstream = await startUpstream((socket) => void socket.destroy());
    expect(await failureOf(upstream.file("/"))).toMatchObject({ status: 502 });
    expect(upstream.connections()).toBe(1);
  });
});

describe.runIf(requires("openssl", "apt-get install openssl"))("A connection by TLS", () => {
  it("names the host, and trusts no certificate that nobody vouches for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "certificate-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = ["-subj", "/CN=files.example", "-addext", "subjectAltName=DNS:files.example"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...names], {
      stdio: "ignore",
    });
    const asked: string[] = [];
    const server = createServer({
      key: await readFile(key),
      cert: await readFile(cert),
      SNICallback: (name, callback) => {
        asked.push(name);
        callback(null);
      },
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const host = `files.example:${(server.address() as AddressInfo).port}`;
    const resolve = async (): Promise<string[]> => ["127.0.0.1"];
    const error = await failureOf(new HTTPFile(`https://${host}/`, { resolve, allowedHosts: [host] }));
    expect(error).toMatchObject({ status: 502, cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" } });
    expect(asked).toEqual(["files.example"]);
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
});
