import { expect, test } from "vitest";
import { PermissionDeniedError } from "../errors.ts";
import { DescribedFile } from "../files/described-file.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { nginx } from "../offload/nginx/index.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { download } from "../views/download.ts";
import { closeBody } from "./rendered-response.ts";
import { withMiddleware, type DownloadMiddleware } from "./handler.ts";
import { renderResult } from "./render.ts";

/** A stream that was handed in, in a file that says where a server or a client finds the same bytes. */
function streamOf(state: { released: number }): DownloadFile {
  const stream = new ReadableStream({ cancel: () => void (state.released += 1) });
  const options = { name: "a.txt", size: 5, url: "/media/a.txt", etag: '"a"' };
  return new DescribedFile(new VirtualFile(stream, options), {});
}

const offload = smartDownloadMiddleware({
  rules: [{ backend: nginx(), sourceUrl: "/media", destinationUrl: "/_media" }],
});

const cases: readonly {
  readonly answer: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly middleware: readonly DownloadMiddleware[];
}[] = [
  { answer: "a server in front", middleware: [offload] },
  {
    answer: "a redirect",
    middleware: [redirectToStorage({ expiresIn: 60, url: () => "https://store.example/a.txt" })],
  },
  { answer: "a HEAD", method: "HEAD", middleware: [] },
  { answer: "a 304", headers: { "If-None-Match": '"a"' }, middleware: [] },
  { answer: "a 304 of a server in front", headers: { "If-None-Match": '"a"' }, middleware: [offload] },
  { answer: "a 412", headers: { "If-Match": '"b"' }, middleware: [offload] },
  {
    answer: "an error of middleware",
    middleware: [
      () => {
        throw new PermissionDeniedError();
      },
    ],
  },
];

test.each(cases)("A stream that was handed in is released if the answer is $answer", async (one) => {
  const state = { released: 0 };
  const { method = "GET", headers = {}, middleware } = one;
  const request = new Request("http://localhost/", { method, headers });
  const handler = withMiddleware(async () => download(streamOf(state)), ...middleware);
  const rendered = await handler(request, { params: {}, native: undefined })
    .then((result) => renderResult(result, request))
    .catch(() => undefined);
  if (rendered) await closeBody(rendered.body);
  await expect.poll(() => state.released).toBe(1);
});
