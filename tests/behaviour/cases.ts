import { contents } from "../frameworks/contents.ts";
import type { Exchange } from "./exchange.ts";

/** What a client has to see. A header of `null` must not be there. */
export interface Expectation {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly body?: string | RegExp | Uint8Array;
  /** Whether the client can tell that it got everything. Default: yes. */
  readonly complete?: boolean;
}

export interface Case {
  /** The column of the matrix that the case belongs to. */
  readonly feature: Feature;
  readonly name: string;
  /** `{etag}` and `{last-modified}` in a header are those of `/files/hello.txt`; `{signature}` in a path signs it. */
  readonly request: Exchange;
  readonly response: Expectation;
}

export const features = [
  "Files",
  "Conditions",
  "Ranges",
  "Names and types",
  "Streams",
  "Remote",
  "Offload",
  "Signed",
  "Permission",
  "Errors",
  "Functions",
  "Middleware",
  "Compression",
  "Aborts",
] as const;
export type Feature = (typeof features)[number];

const hello = "Hello, world!\n";
const describesHello = {
  "content-type": "text/plain; charset=utf-8",
  "content-disposition": 'attachment; filename="hello.txt"',
  "content-length": "14",
  "accept-ranges": "bytes",
  etag: "{etag}",
  "last-modified": "{last-modified}",
  "x-content-type-options": "nosniff",
  "cache-control": /^private, no-cache\b/,
  "content-encoding": null,
};
const describesNoFile = { etag: null, "last-modified": null, "content-disposition": null, "accept-ranges": null };
const secretless = /^(?!.*(secret|\/tmp|RangeError))/s;

export const cases: readonly Case[] = [
  {
    feature: "Files",
    name: "a file, whole",
    request: { path: "/files/hello.txt" },
    response: { status: 200, headers: describesHello, body: hello },
  },
  {
    feature: "Files",
    name: "its head alone",
    request: { method: "HEAD", path: "/files/hello.txt" },
    response: { status: 200, headers: describesHello, body: "" },
  },
  {
    feature: "Files",
    name: "a file in a folder",
    request: { path: "/files/folder/inner.txt" },
    response: { status: 200, body: "inner\n" },
  },
  {
    feature: "Files",
    name: "an empty file",
    request: { path: "/files/empty.txt", headers: { range: "bytes=0-" } },
    response: { status: 200, headers: { "content-length": "0" }, body: "" },
  },
  {
    feature: "Files",
    name: "a file of 8 MiB, to the byte",
    request: { path: "/files/big.bin" },
    response: { status: 200, headers: { "content-length": "8388608" }, body: contents["big.bin"] ?? "" },
  },
  {
    feature: "Conditions",
    name: "304 for the same entity tag",
    request: { path: "/files/hello.txt", headers: { "if-none-match": "{etag}" } },
    response: {
      status: 304,
      headers: {
        etag: "{etag}",
        "cache-control": /^private, no-cache\b/,
        "content-disposition": 'attachment; filename="hello.txt"',
        "content-type": null,
      },
      body: "",
    },
  },
  {
    feature: "Conditions",
    name: "304 for HEAD",
    request: { method: "HEAD", path: "/files/hello.txt", headers: { "if-none-match": "{etag}" } },
    response: { status: 304, headers: { etag: "{etag}" }, body: "" },
  },
  {
    feature: "Conditions",
    name: "304 when not modified since",
    request: { path: "/files/hello.txt", headers: { "if-modified-since": "{last-modified}" } },
    response: { status: 304, body: "" },
  },
  {
    feature: "Conditions",
    name: "412 for another entity tag",
    request: { path: "/files/hello.txt", headers: { "if-match": '"another"' } },
    response: { status: 412, headers: describesNoFile, body: "" },
  },
  {
    feature: "Ranges",
    name: "206 for a range",
    request: { path: "/files/hello.txt", headers: { range: "bytes=7-11" } },
    response: {
      status: 206,
      headers: { ...describesHello, "content-length": "5", "content-range": "bytes 7-11/14" },
      body: "world",
    },
  },
  {
    feature: "Ranges",
    name: "206 for the end of a big file",
    request: { path: "/files/big.bin", headers: { range: "bytes=-2000000" } },
    response: {
      status: 206,
      headers: { "content-length": "2000000", "content-range": "bytes 6388608-8388607/8388608" },
      body: (contents["big.bin"] ?? new Uint8Array()).subarray(-2_000_000),
    },
  },
  {
    feature: "Ranges",
    name: "several ranges in one body",
    request: { path: "/files/hello.txt", headers: { range: "bytes=0-4,7-11" } },
    response: {
      status: 206,
      headers: { "content-type": /^multipart\/byteranges; boundary=/, "content-length": /^\d+$/ },
      body: /Content-Range: bytes 0-4\/14\r\n\r\nHello\r\n--[^]*Content-Range: bytes 7-11\/14\r\n\r\nworld\r\n--[^]+--/,
    },
  },
  {
    feature: "Ranges",
    name: "416 past the end",
    request: { path: "/files/hello.txt", headers: { range: "bytes=100-" } },
    response: { status: 416, headers: { ...describesNoFile, "content-range": "bytes */14" }, body: "" },
  },
  {
    feature: "Ranges",
    name: "the rest, if the file is the same",
    request: { path: "/files/hello.txt", headers: { range: "bytes=7-", "if-range": "{etag}" } },
    response: { status: 206, body: "world!\n" },
  },
  {
    feature: "Ranges",
    name: "the whole file, if it is another",
    request: { path: "/files/hello.txt", headers: { range: "bytes=7-", "if-range": '"another"' } },
    response: { status: 200, headers: { "content-range": null }, body: hello },
  },
  {
    feature: "Names and types",
    name: "a name beyond ASCII",
    request: { path: "/files/%C3%A9t%C3%A9.txt" },
    response: {
      status: 200,
      headers: { "content-disposition": `attachment; filename="ete.txt"; filename*=UTF-8''%C3%A9t%C3%A9.txt` },
      body: "summer\n",
    },
  },
  {
    feature: "Names and types",
    name: "a file to be shown",
    request: { path: "/inline/hello.txt" },
    response: { status: 200, headers: { "content-disposition": 'inline; filename="hello.txt"' }, body: hello },
  },
  {
    feature: "Names and types",
    name: "a page that must not run its scripts",
    request: { path: "/inline/page.html" },
    response: {
      status: 200,
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": /sandbox/ },
    },
  },
  {
    feature: "Streams",
    name: "content that is generated, of no known length",
    request: { path: "/stream" },
    response: {
      status: 200,
      // A server may wait a moment for a stream that ends at once, and count it.
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-length": /^(18)?$/,
        "accept-ranges": null,
        etag: null,
      },
      body: "row 1\nrow 2\nrow 3\n",
    },
  },
  {
    feature: "Streams",
    name: "a body that breaks off is not taken for whole",
    request: { path: "/late" },
    response: { status: 200, body: "begun", complete: false },
  },
  {
    feature: "Streams",
    name: "a body that is shorter than promised is not taken for whole",
    request: { path: "/short" },
    response: { status: 200, body: "short", complete: false },
  },
  {
    feature: "Remote",
    name: "a file of another server",
    request: { path: "/remote" },
    response: {
      status: 200,
      headers: {
        "content-length": "12",
        etag: '"remote"',
        "content-disposition": 'attachment; filename="remote.bin"',
        "x-upstream": null,
      },
      body: "remote bytes",
    },
  },
  {
    feature: "Remote",
    name: "a range of it",
    request: { path: "/remote", headers: { range: "bytes=0-5" } },
    response: { status: 206, headers: { "content-range": "bytes 0-5/12", "content-length": "6" }, body: "remote" },
  },
  {
    feature: "Remote",
    name: "404 for what the other server has not",
    request: { path: "/remote-missing" },
    response: { status: 404, body: secretless },
  },
  {
    feature: "Offload",
    name: "a file that the server in front sends",
    request: { path: "/files/offloaded/movie.mp4" },
    response: {
      status: 200,
      headers: { "x-accel-redirect": "/_protected/movie.mp4", "content-type": "video/mp4" },
      body: "",
    },
  },
  {
    feature: "Offload",
    name: "a redirect",
    request: { path: "/redirect" },
    response: { status: 302, headers: { location: "https://cdn.example/a.pdf" }, body: "" },
  },
  {
    feature: "Signed",
    name: "a signed link",
    request: { path: "{signature}/signed/hello.txt" },
    response: { status: 200, body: hello },
  },
  {
    feature: "Signed",
    name: "403 for a link that was changed",
    request: { path: "{signature}/signed/hello.txt&more" },
    response: { status: 403, headers: describesNoFile },
  },
  {
    feature: "Permission",
    name: "a view sees who is logged in",
    request: { path: "/private", headers: { "x-user": "ada" } },
    response: { status: 200, body: "for ada" },
  },
  {
    feature: "Permission",
    name: "403 for everybody else",
    request: { path: "/private" },
    response: { status: 403, headers: describesNoFile, body: secretless },
  },
  ...["folder%2Finner.txt", "folder%2finner.txt", "folder%5Cinner.txt", "folder%252Finner.txt"].map((path): Case => ({
    feature: "Permission",
    name: `404 for ${path}, which a guard on folder/ has not seen`,
    request: { path: `/files/${path}` },
    response: { status: 404, headers: describesNoFile },
  })),
  {
    feature: "Errors",
    name: "404 for a missing file",
    request: { path: "/files/missing.txt" },
    response: { status: 404, headers: describesNoFile, body: "{404}" },
  },
  {
    feature: "Errors",
    name: "404 for a path out of the root",
    request: { path: "/files/..%2f..%2fetc%2fpasswd" },
    response: { status: 404, headers: describesNoFile },
  },
  {
    feature: "Errors",
    name: "405 with the methods that there are",
    request: { method: "DELETE", path: "/files/hello.txt" },
    response: { status: 405, headers: { allow: "GET, HEAD, OPTIONS" } },
  },
  {
    feature: "Errors",
    name: "503 that says when to come back",
    request: { path: "/busy" },
    response: { status: 503, headers: { ...describesNoFile, "retry-after": "7" }, body: secretless },
  },
  {
    feature: "Errors",
    name: "500 for a failure before the first byte",
    request: { path: "/early" },
    response: { status: 500, headers: describesNoFile, body: "{500}" },
  },
  {
    feature: "Errors",
    name: "a status of the application's own, without ranges",
    request: { path: "/status", headers: { range: "bytes=0-1" } },
    response: { status: 503, body: "gone for now" },
  },
  {
    feature: "Functions",
    name: "a download that a function sends",
    request: { path: "/send" },
    response: {
      status: 200,
      headers: { "content-disposition": 'inline; filename="report.txt"', "content-length": "19" },
      body: "sent by a function\n",
    },
  },
  {
    feature: "Functions",
    name: "a web response that a view answers with",
    request: { path: "/web" },
    response: { status: 200, headers: { "x-web": "yes" }, body: "a web response" },
  },
];

/** For servers that have a disk. */
export const diskCases: readonly Case[] = [
  {
    feature: "Files",
    name: "the variant that lies compressed beside a file",
    request: { path: "/files/variants/app.js", headers: { "accept-encoding": "gzip" } },
    response: {
      status: 200,
      headers: {
        "content-encoding": "gzip",
        "content-type": "text/javascript; charset=utf-8",
        "content-length": "33",
        vary: /accept-encoding/i,
      },
      body: contents["variants/app.js.gz"] ?? "",
    },
  },
];

/** For servers whose framework has middleware: what it sets is kept. */
export const middlewareCases: readonly Case[] = [
  {
    feature: "Middleware",
    name: "a session's cookie, a CORS header, and a header set afterwards are kept",
    request: { path: "/files/hello.txt", headers: { origin: "https://app.example" } },
    response: {
      status: 200,
      headers: {
        ...describesHello,
        "set-cookie": /sess/,
        "access-control-allow-origin": "https://app.example",
        "x-after": "kept",
      },
      body: hello,
    },
  },
  {
    feature: "Middleware",
    name: "so they are beside a 304",
    request: { path: "/files/hello.txt", headers: { "if-none-match": "{etag}", origin: "https://app.example" } },
    response: {
      status: 304,
      headers: { etag: "{etag}", "access-control-allow-origin": "https://app.example", "x-after": "kept" },
      body: "",
    },
  },
  {
    feature: "Middleware",
    name: "logging sees what was sent",
    request: { path: "/log" },
    response: {
      status: 200,
      body: /"GET \/files\/hello\.txt 200"[^]*"HEAD \/files\/hello\.txt 200"[^]*"GET \/files\/hello\.txt 206"/,
    },
  },
];

const pageFields = (cacheControl: string): Record<string, string> => ({
  "x-fields": JSON.stringify([
    ["Content-Type", "application/json"],
    ["Content-Language", "de"],
    ["Content-Encoding", "identity"],
    ["ETag", '"page"'],
    ["Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"],
    ["Cache-Control", cacheControl],
    ["X-Request-Id", "7"],
    ["X-Robots-Tag", "noindex"],
    ["Content-Security-Policy", "default-src 'self'"],
  ]),
});
const isPublic = /\bpublic\b/;
const isNotPublic = /^(?!.*\bpublic\b)/;
const kept = { "x-request-id": "7", "x-robots-tag": "noindex", "content-security-policy": "default-src 'self'" };
const describesNoPage = { ...describesNoFile, "content-language": null, "content-encoding": null };

/** For servers whose middleware can set fields before a download is made: what is sent of them. */
export const earlierFieldCases: readonly Case[] = [
  {
    feature: "Middleware",
    name: "a file keeps what describes it, and the site's own Cache-Control wins over our default",
    request: { path: "/files/hello.txt", headers: pageFields("no-store") },
    response: {
      status: 200,
      headers: { ...describesHello, ...kept, "cache-control": /\bno-store\b/, "content-language": "de" },
      body: hello,
    },
  },
  {
    feature: "Middleware",
    name: "so does its head alone",
    request: { method: "HEAD", path: "/files/hello.txt", headers: pageFields("public, max-age=60") },
    response: { status: 200, headers: { ...describesHello, ...kept, "cache-control": isPublic }, body: "" },
  },
  {
    feature: "Middleware",
    name: "so does a range",
    request: { path: "/files/hello.txt", headers: { ...pageFields("public, max-age=60"), range: "bytes=7-11" } },
    response: {
      status: 206,
      headers: {
        ...describesHello,
        ...kept,
        "cache-control": "public, max-age=60, no-transform",
        "content-length": "5",
        "content-range": "bytes 7-11/14",
      },
      body: "world",
    },
  },
  {
    feature: "Middleware",
    name: "the policy of the site does not let an inline page run its scripts",
    request: { path: "/inline/page.html", headers: pageFields("no-store") },
    response: {
      status: 200,
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": /sandbox/ },
    },
  },
  {
    feature: "Middleware",
    name: "a 304 says nothing of the site's pages",
    request: { path: "/files/hello.txt", headers: { ...pageFields("no-store"), "if-none-match": "{etag}" } },
    response: {
      status: 304,
      headers: {
        ...kept,
        etag: "{etag}",
        "cache-control": /\bno-store\b/,
        "content-type": null,
        "content-language": null,
        "content-encoding": null,
      },
      body: "",
    },
  },
  {
    feature: "Middleware",
    name: "a 412 has no validators, and no cache may store it",
    request: { path: "/files/hello.txt", headers: { ...pageFields("public, max-age=60"), "if-match": '"another"' } },
    response: {
      status: 412,
      headers: { ...kept, ...describesNoPage, "content-type": null, "cache-control": null },
      body: "",
    },
  },
  {
    feature: "Middleware",
    name: "so has a 416",
    request: { path: "/files/hello.txt", headers: { ...pageFields("public, max-age=60"), range: "bytes=100-" } },
    response: {
      status: 416,
      headers: {
        ...kept,
        ...describesNoPage,
        "content-type": null,
        "cache-control": null,
        "content-range": "bytes */14",
      },
      body: "",
    },
  },
  ...["/private", "/busy"].map((path): Case => ({
    feature: "Middleware",
    name: `so has the error that ${path} ends in`,
    request: { path, headers: pageFields("public, max-age=60") },
    response: {
      status: path === "/busy" ? 503 : 403,
      headers: { ...describesNoPage, "cache-control": isNotPublic },
    },
  })),
  {
    feature: "Middleware",
    name: "a redirect is about no page, and no policy of pages lets a cache share it",
    request: { path: "/redirect", headers: pageFields("public, max-age=60") },
    response: {
      status: 302,
      headers: { ...kept, ...describesNoFile, location: "https://cdn.example/a.pdf", "content-encoding": null },
      body: "",
    },
  },
  {
    feature: "Middleware",
    name: "what the server in front sends is not described by the site's pages",
    request: { path: "/files/offloaded/movie.mp4", headers: pageFields("no-store") },
    response: {
      status: 200,
      headers: {
        ...kept,
        "x-accel-redirect": "/_protected/movie.mp4",
        "content-type": "video/mp4",
        "cache-control": "no-store",
        "content-encoding": null,
        etag: null,
        "last-modified": null,
      },
      body: "",
    },
  },
];

/** The same for a missing file, where it ends the request: Express and Koa pass it on to the next route as it is. */
export const missingFileCases: readonly Case[] = [
  {
    feature: "Middleware",
    name: "a missing file has no validators of the site's pages",
    request: { path: "/files/missing.txt", headers: pageFields("public, max-age=60") },
    response: { status: 404, headers: { ...describesNoPage, "cache-control": isNotPublic } },
  },
];

/** For servers whose framework compresses: what can be resumed stays as it is, and the rest arrives intact. */
export const compressionCases: readonly Case[] = [
  {
    feature: "Compression",
    name: "leaves a file alone that can be resumed",
    request: { path: "/files/table.csv", headers: { "accept-encoding": "gzip" } },
    response: {
      status: 200,
      headers: { "content-encoding": null, "content-length": "56008" },
      body: contents["table.csv"] ?? "",
    },
  },
  {
    feature: "Compression",
    name: "leaves a range alone",
    request: { path: "/files/table.csv", headers: { "accept-encoding": "gzip", range: "bytes=8-20007" } },
    response: {
      status: 206,
      headers: { "content-encoding": null, "content-length": "20000", "content-range": "bytes 8-20007/56008" },
      body: (contents["table.csv"] ?? new Uint8Array()).subarray(8, 20_008),
    },
  },
  {
    feature: "Compression",
    name: "may compress what is generated",
    request: { path: "/stream", headers: { "accept-encoding": "gzip" } },
    response: { status: 200, headers: { "content-encoding": "gzip" }, body: "row 1\nrow 2\nrow 3\n" },
  },
];
