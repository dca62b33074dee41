/** SvelteKit puts the fields of `event.setHeaders` over those of a response: a download gets its own back. */
import { download, PermissionDeniedError, type DownloadResult } from "downloadview";
import { applyToDownloads, send } from "downloadview/sveltekit";
import { expect, it } from "vitest";

const page = {
  "content-type": "application/json",
  "content-language": "de",
  etag: '"page"',
  "cache-control": "public, max-age=60",
  vary: "Origin",
  "x-request-id": "7",
};

/** The entity tag of `hello`. */
const tag = '"9595c9df90075148eb06860365df3358"';

interface Question {
  readonly result?: () => Promise<DownloadResult>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error?: (status: number) => never;
  readonly fields?: Readonly<Record<string, string>>;
}

const hello = async (): Promise<DownloadResult> =>
  download("hello", { name: "a.txt", headers: { Vary: "Accept", "Set-Cookie": "ours=1" } });

/** What SvelteKit does: it calls the endpoint, makes a page of an `error`, and sets the fields. */
async function ask({ result = hello, headers = {}, error, fields = page }: Question): Promise<Response> {
  const event = { request: new Request("http://localhost/", { headers }), params: {} };
  const resolve = async (): Promise<Response> => {
    const response = await send(event, result(), error ? { error } : {}).catch(
      () => new Response("the error page", { status: 403, headers: { "Content-Type": "text/html" } }),
    );
    for (const [name, value] of Object.entries(fields)) response.headers.set(name, value);
    response.headers.append("Set-Cookie", "theirs=1");
    return response;
  };
  return applyToDownloads()({ event, resolve });
}

const denied = async (): Promise<DownloadResult> => Promise.reject(new PermissionDeniedError());
const thrown = (): never => {
  throw new Error("SvelteKit's");
};

it.each<[what: string, question: Question, expected: Readonly<Record<string, unknown>>]>([
  [
    "a file",
    {},
    {
      status: 200,
      "content-type": "text/plain; charset=utf-8",
      etag: tag,
      "content-language": "de",
      "cache-control": "public, max-age=60, no-transform",
      vary: "Origin, Accept",
      "set-cookie": "ours=1, theirs=1",
    },
  ],
  ["a range", { headers: { Range: "bytes=0-1" } }, { status: 206, "content-range": "bytes 0-1/5", etag: tag }],
  [
    "a 304",
    { headers: { "If-None-Match": tag } },
    { status: 304, etag: tag, "content-type": null, "content-language": null },
  ],
  [
    "a 412",
    { headers: { "If-Match": '"v2"' } },
    { status: 412, etag: null, "content-type": null, "content-language": null, "cache-control": null },
  ],
  ["a 403", { result: denied }, { status: 403, etag: null, "content-language": null, "cache-control": "no-store" }],
  [
    "a 403 that SvelteKit's own page answers",
    { result: denied, error: thrown, fields: { ...page, "content-type": "text/html" } },
    { status: 403, etag: null, "content-language": null, "cache-control": null, "content-type": "text/html" },
  ],
])("%s has its own fields, and the request id of the site", async (_what, question, expected) => {
  const { status, headers } = await ask(question);
  const seen = Object.keys(expected).map((name) => [name, name === "status" ? status : headers.get(name)]);
  expect(Object.fromEntries(seen)).toEqual(expected);
  expect(headers.get("x-request-id")).toBe("7");
});
