import type { OpenFile } from "../files/download-file.ts";
import { bodyLength, closeBody, readBody, type ReadableBody } from "../responses/body.ts";
import { abandoned } from "../responses/render.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";

/**
 * A rendered response whose source gave its first bytes already: if it fails at once, it fails here, where the framework
 * can still answer with a status. A file that was found and opened has nothing more to prove.
 */
export async function withFirstChunk(rendered: RenderedResponse, request: DownloadRequest): Promise<RenderedResponse> {
  const { body, status, delivery } = rendered;
  if (!isUnproven(body)) return rendered;
  const chunks = readBody(body);
  const { signal } = request;
  const leave = (): void => void closeBody(body);
  signal?.addEventListener("abort", leave);
  try {
    return { ...rendered, body: begun(body, await chunks.next(), chunks) };
  } catch (error) {
    await closeBody(body);
    if (signal?.aborted) return abandoned(delivery);
    delivery.abort(status, 0, error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

/** Whether a body may turn out to be none at its first byte. */
function isUnproven(body: RenderedResponse["body"]): body is ReadableBody {
  if (body.kind === "none" || body.kind === "bytes") return false;
  return body.kind === "stream" || body.file.prepare === undefined;
}

function begun(
  body: ReadableBody,
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): RenderedResponse["body"] {
  const close = (): Promise<void> => {
    // Not waited for: a generator that is asked to return finishes what it was asked before, which may be never.
    rest.return(undefined).catch(() => undefined);
    return closeBody(body);
  };
  const file: OpenFile = { stat: {}, read: () => chain(first, rest), close, [Symbol.asyncDispose]: close };
  const length = bodyLength(body);
  return { kind: "file", file, ...(length === undefined ? {} : { length }) };
}

async function* chain(first: IteratorResult<Uint8Array>, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
