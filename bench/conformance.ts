/**
 * `npm --prefix bench run conformance`: sends the cases of tests/conformance and a table of preconditions to every server of
 * files, through a socket, and prints how many each of them answers as RFC 9110 says.
 */
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StartServer } from "./harness/running-server.ts";
import { fileServers, type ServerEntry } from "./servers.ts";

interface RangeCase {
  readonly id: string;
  readonly range: string;
  readonly size: number;
  readonly expect: {
    readonly contentRange?: string | null;
    readonly slice?: Slice;
    readonly parts?: readonly { readonly contentRange: string; readonly slice: Slice }[];
  };
  readonly acceptableStatus: readonly number[];
}

type Slice = readonly [start: number, endExclusive: number];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What a server says of the file that is asked for. */
interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

interface ConditionCase {
  readonly name: string;
  readonly method?: "HEAD";
  readonly headers: (validators: Validators) => Readonly<Record<string, string>>;
  readonly status: (validators: Validators) => number;
}

const day = 86_400_000;
const isStrong = ({ etag }: Validators): boolean => etag !== undefined && !etag.startsWith("W/");
const opaque = ({ etag = '"none"' }: Validators): string => etag.replace(/^W\//, "");
const dateFrom = ({ lastModified = "" }: Validators, days: number): string =>
  new Date(Date.parse(lastModified) + days * day).toUTCString();

/** RFC 9110 §13, in the order of §13.2.2. Where the tag of a server is weak, the strong comparison has to fail. */
const conditions: readonly ConditionCase[] = [
  { name: "If-None-Match, its tag", headers: ({ etag = "" }) => ({ "If-None-Match": etag }), status: () => 304 },
  {
    name: "If-None-Match, its tag as a weak one",
    headers: (v) => ({ "If-None-Match": `W/${opaque(v)}` }),
    status: () => 304,
  },
  {
    name: "If-None-Match, a list with its tag",
    headers: (v) => ({ "If-None-Match": `"a", ${opaque(v)}` }),
    status: () => 304,
  },
  {
    name: "If-None-Match, a tag with a comma before it",
    headers: (v) => ({ "If-None-Match": `"a,b", ${opaque(v)}` }),
    status: () => 304,
  },
  { name: "If-None-Match: *", headers: () => ({ "If-None-Match": "*" }), status: () => 304 },
  { name: "If-None-Match, another tag", headers: () => ({ "If-None-Match": '"x"' }), status: () => 200 },
  {
    name: "If-None-Match decides, not the date",
    headers: (v) => ({ "If-None-Match": '"x"', "If-Modified-Since": dateFrom(v, 0) }),
    status: () => 200,
  },
  { name: "If-Modified-Since, its date", headers: (v) => ({ "If-Modified-Since": dateFrom(v, 0) }), status: () => 304 },
  { name: "If-Modified-Since, later", headers: (v) => ({ "If-Modified-Since": dateFrom(v, 1) }), status: () => 304 },
  { name: "If-Modified-Since, earlier", headers: (v) => ({ "If-Modified-Since": dateFrom(v, -1) }), status: () => 200 },
  { name: "If-Modified-Since, no date", headers: () => ({ "If-Modified-Since": "yesterday" }), status: () => 200 },
  {
    name: "If-Match, its tag",
    headers: ({ etag = "" }) => ({ "If-Match": etag }),
    status: (v) => (isStrong(v) ? 200 : 412),
  },
  { name: "If-Match: *", headers: () => ({ "If-Match": "*" }), status: () => 200 },
  { name: "If-Match, another tag", headers: () => ({ "If-Match": '"x"' }), status: () => 412 },
  {
    name: "If-Match comes before If-None-Match",
    headers: (v) => ({ "If-Match": '"x"', "If-None-Match": opaque(v) }),
    status: () => 412,
  },
  {
    name: "If-Unmodified-Since, its date",
    headers: (v) => ({ "If-Unmodified-Since": dateFrom(v, 0) }),
    status: () => 200,
  },
  {
    name: "If-Unmodified-Since, earlier",
    headers: (v) => ({ "If-Unmodified-Since": dateFrom(v, -1) }),
    status: () => 412,
  },
  {
    name: "If-Range, its tag",
    headers: ({ etag = "" }) => ({ Range: "bytes=0-1", "If-Range": etag }),
    status: (v) => (isStrong(v) ? 206 : 200),
  },
  {
    name: "If-Range, its tag as a weak one",
    headers: (v) => ({ Range: "bytes=0-1", "If-Range": `W/${opaque(v)}` }),
    status: () => 200,
  },
  { name: "If-Range, another tag", headers: () => ({ Range: "bytes=0-1", "If-Range": '"x"' }), status: () => 200 },
  {
    name: "If-Range, its date",
    headers: (v) => ({ Range: "bytes=0-1", "If-Range": dateFrom(v, 0) }),
    status: () => 206,
  },
  {
    name: "If-Range, a later date",
    headers: (v) => ({ Range: "bytes=0-1", "If-Range": dateFrom(v, 1) }),
    status: () => 200,
  },
  {
    name: "a range with If-None-Match, its tag",
    headers: (v) => ({ Range: "bytes=0-1", "If-None-Match": opaque(v) }),
    status: () => 304,
  },
  { name: "HEAD with a range", method: "HEAD", headers: () => ({ Range: "bytes=0-1" }), status: () => 200 },
];

const { cases }: { cases: readonly RangeCase[] } = JSON.parse(
  readFileSync(new URL("../tests/conformance/ranges.json", import.meta.url), "utf8"),
);

const root = mkdtempSync(join(tmpdir(), "conformance-"));
const content = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, at) => 97 + (at % 26)));
for (const size of new Set([...cases.map((one) => one.size), 100])) {
  const file = join(root, `${size}.txt`);
  writeFileSync(file, content(size));
  // Old enough for a strong validator.
  utimesSync(file, new Date("2026-01-01T00:00:00Z"), new Date("2026-01-01T00:00:00Z"));
}

// sirv throws in a listener for some ranges, which ends a process. Here it counts as no answer.
process.on("uncaughtException", () => undefined);
// Express writes errors that are sent to clients to the console, too.
process.env["NODE_ENV"] = "test";

console.log("| Server | Version | Ranges | Preconditions | `ETag` |\n| --- | --- | --- | --- | --- |");
const failures: string[] = [];
for (const entry of fileServers.filter(({ module }) => !/bare|serve-static/.test(module))) await measure(entry);
rmSync(root, { recursive: true });
if (process.argv.includes("--failures")) console.log(`\n${failures.join("\n")}`);
process.exit();

async function measure(entry: ServerEntry): Promise<void> {
  const { start }: { start: StartServer } = await import(`./servers/${entry.module}.ts`);
  const server = await Promise.resolve(start(root)).catch(() => undefined);
  if (!server) return;
  const ask = (name: string, headers: Readonly<Record<string, string>>, method = "GET"): Promise<Answer> =>
    answer(server.port, name, headers, method);
  let ranges = 0;
  for (const one of cases) {
    const given = await ask(`${one.size}.txt`, { Range: one.range }).catch(() => undefined);
    if (given && isRight(one, given)) ranges++;
    else
      failures.push(
        `${entry.title} ${one.range} of ${one.size}: ${given?.status} ${String(given?.headers["content-range"] ?? "")}`,
      );
  }
  const { headers } = await ask("100.txt", {});
  const validators = { etag: text(headers["etag"]), lastModified: text(headers["last-modified"]) };
  let preconditions = 0;
  for (const one of conditions) {
    const given = await ask("100.txt", one.headers(validators), one.method).catch(() => undefined);
    if (given?.status === one.status(validators)) preconditions++;
    else failures.push(`${entry.title} ${one.name}: ${given?.status}, not ${one.status(validators)}`);
  }
  const tag = validators.etag === undefined ? "none" : isStrong(validators) ? "strong" : "weak";
  console.log(
    `| ${entry.title} | ${versions(entry)} | ${ranges} of ${cases.length} | ${preconditions} of ${conditions.length} | ${tag} |`,
  );
}

function isRight({ expect, size, acceptableStatus }: RangeCase, { status, headers, body }: Answer): boolean {
  if (!acceptableStatus.includes(status)) return false;
  if (status === 200) return body.equals(content(size));
  if (status === 416) return headers["content-range"] === `bytes */${size}`;
  if (expect.parts) {
    const whole = body.toString("latin1");
    return expect.parts.every(({ contentRange, slice: [start, end] }) => {
      const part = whole.split(/content-range: /i).find((piece) => piece.startsWith(`${contentRange}\r\n`));
      return part?.split("\r\n\r\n")[1]?.startsWith(content(size).subarray(start, end).toString("latin1"));
    });
  }
  const [start, end] = expect.slice ?? [0, 0];
  return headers["content-range"] === expect.contentRange && body.equals(content(size).subarray(start, end));
}

function answer(
  port: number,
  name: string,
  headers: Readonly<Record<string, string>>,
  method: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      port,
      host: "127.0.0.1",
      path: `/${name}`,
      headers,
      method,
      agent: false,
      timeout: 1000,
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.end();
  });
}

function versions({ packages, module }: ServerEntry): string {
  if (module === "files/downloadview") return "this one";
  const [name] = packages.toReversed();
  if (!name) return "";
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8"),
  );
  return manifest.version;
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
