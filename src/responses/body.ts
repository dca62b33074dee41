import { contentLength, readContent, readOpened } from "../files/content.ts";
import type { ResponseBody } from "./rendered-response.ts";

/** A body that has bytes. */
export type ReadableBody = Exclude<ResponseBody, { kind: "none" }>;

/**
 * The bytes of a body, in memory that the reader may change, no more than were promised. Ends with an error where the
 * source has fewer: a short body must never look whole.
 * @throws {IncompleteBodyError}
 */
export function readBody(body: ReadableBody): AsyncGenerator<Uint8Array> {
  switch (body.kind) {
    case "content":
      return readContent(body.content);
    case "multipart":
      return readMultipart(body);
    case "stream":
      return readStream(body.stream);
  }
}

/** Frees what a body holds, whether it was read or not. */
export async function closeBody(body: ResponseBody): Promise<void> {
  if (body.kind === "content" || body.kind === "multipart") await body.file.close();
  else if (body.kind === "stream" && !body.stream.locked) await body.stream.cancel().catch(() => undefined);
}

/** How many bytes a body has, where that is known before it is read. */
export function bodyLength(body: ResponseBody): number | undefined {
  switch (body.kind) {
    case "none":
      return 0;
    case "content":
      return contentLength(body.content);
    case "multipart":
      return body.length;
    case "stream":
      return undefined;
  }
}

async function* readMultipart({
  file,
  multipart,
  first,
}: Extract<ResponseBody, { kind: "multipart" }>): AsyncGenerator<Uint8Array> {
  for (const [at, { head, range }] of multipart.parts.entries()) {
    yield encoder.encode(head);
    yield* at === 0 ? readContent(first) : readOpened(file, range);
  }
  yield encoder.encode(multipart.tail);
}

const encoder = new TextEncoder();

// Not the stream's own async iterator: not every runtime that has streams has it.
async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}
