import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { download, VirtualFile, withMiddleware, type DownloadFile } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { redirectToStorage } from "downloadview/redirect";
import { S3Storage } from "downloadview/s3";
import { startSwift, type SwiftServer } from "../storages/support/swift.ts";
import { requires } from "../support/requires.ts";

const packages = "swift-proxy swift-account swift-container swift-object memcached";
const present = requires("swift-proxy-server", `apt-get install ${packages}`);

const chunks = 8;
const whole = Buffer.concat(Array.from({ length: chunks }, (_, index) => Buffer.alloc(65_536, index)));
const digest = createHash("sha256").update(whole).digest("hex");

describe.runIf(present)("machines that share an S3 bucket", () => {
  let swift: SwiftServer;
  let bucket: string;
  let storage: S3Storage;
  let folder: string;
  const started: ChildProcess[] = [];
  const machines: KeptFiles[] = [];

  beforeAll(async () => {
    swift = await startSwift();
  });
  afterAll(() => swift?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    bucket = await swift.makeBucket();
    storage = new S3Storage(swift.client(), { bucket });
    folder = await mkdtemp(join(tmpdir(), "kept-"));
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
    for (const kept of machines.splice(0)) await kept.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  });

  /** Asks a process with a folder of its own for the file. Returns the digest of what it was sent. */
  async function ask(name: string): Promise<string> {
    const script = fileURLToPath(new URL("maker.ts", import.meta.url));
    const places = [join(folder, name), String(chunks), "0", join(folder, "log"), `${swift.url}/${bucket}`];
    const child = spawn(process.execPath, ["--import", "tsx", script, ...places], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    started.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    child.stdin.write("file\n");
    return String((await lines.next()).value);
  }

  function machine(name: string): KeptFiles {
    const kept = new KeptFiles({ folder: join(folder, name), shared: storage });
    machines.push(kept);
    return kept;
  }

  async function names(prefix = ""): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of storage.list(prefix)) found.push(name);
    return found;
  }

  const saved = (): Promise<void> => expect.poll(() => names("kept/entries/"), { timeout: 10_000 }).toHaveLength(1);

  it("make a file once: a second process fetches it, into its own folder, with the same validators", async () => {
    expect(await ask("a")).toBe(digest);
    await saved();
    expect(await ask("b")).toBe(digest);
    expect((await readFile(join(folder, "log"), "utf8")).trim().split("\n")).toHaveLength(1);
    await expect.poll(async () => readdir(join(folder, "b", "locks"))).toEqual([]);
    const [one, other] = await Promise.all(["a", "b"].map((name) => machine(name).get(["big", "file"])));
    expect(await other!.stat()).toEqual(await one!.stat());
    expect(other!.path).not.toBe(one!.path);
  });

  it("make a file again that was deleted on one of them, and one that the bucket has lost", async () => {
    let made = 0;
    const file = (): DownloadFile => new VirtualFile(() => `report ${(made += 1)}`);
    const key = ["report", 7];
    await machine("a").make(key, file());
    await saved();
    await machines[0]!.delete(key);
    expect(await names()).toEqual([]);
    await machine("b").make(key, file());
    await saved();
    // As a lifecycle rule of the bucket does.
    for (const name of await names("kept/files/")) await storage.delete(name);
    await machine("c").make(key, file());
    expect(made).toBe(3);
  });

  it("redirect clients to the bucket, which sends the file under its name and type", async () => {
    const kept = machine("a");
    const report = withMiddleware(
      async () =>
        download(
          new VirtualFile(
            async function* () {
              yield whole;
            },
            { name: "report 7.bin", contentType: "application/x-report" },
          ),
        ),
      keepFiles(kept, { key: () => ["report", 7] }),
      redirectToStorage({ expiresIn: 600, url: (file, options) => kept.sharedUrl(file, options) }),
    );
    const handler = toFetchHandler(report);
    const first = await handler(new Request("http://localhost/"));
    expect([first.status, Buffer.from(await first.arrayBuffer()).equals(whole)]).toEqual([200, true]);
    await saved();
    const redirected = await handler(new Request("http://localhost/"));
    expect(redirected.status).toBe(302);
    const sent = await fetch(redirected.headers.get("Location")!);
    expect(Buffer.from(await sent.arrayBuffer()).equals(whole)).toBe(true);
    expect(sent.headers.get("content-type")).toBe("application/x-report");
    expect(sent.headers.get("content-disposition")).toBe('attachment; filename="report 7.bin"');
  });
});
