import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { bodyLength, closeBody, readBody, type ReadableBody } from "../../responses/body.ts";
import { isPumpable, pump, type PumpableFile } from "./pump.ts";
import { limitRate } from "../../responses/limit-rate.ts";
import type { RenderedResponse } from "../../responses/rendered-response.ts";

/**
 * Writes a rendered response to a socket, and settles when the response is over, whoever ended it. Rejects only while
 * no byte has been sent, so that somebody else can still answer; later a failure destroys the connection.
 */
export function writeRendered(rendered: RenderedResponse, response: ServerResponse): Promise<void> {
  const { body } = rendered;
  if (isGone(response)) return abandon(rendered);
  if (body.kind === "none" || (body.kind === "bytes" && !rendered.limitRate)) return writeAtOnce(rendered, response);
  return writeChunks(rendered, body, response);
}

// A client may leave during any `await` before the first byte; writing to such a response throws or is lost.
function isGone(response: ServerResponse): boolean {
  return isDestroyed(response) || response.writableEnded;
}

function isDestroyed(response: ServerResponse): boolean {
  return response.destroyed || http2Stream(response)?.destroyed === true;
}

/** What is below a response of HTTP/2's compatibility API: it knows what that does not tell. */
function http2Stream(
  response: ServerResponse & { readonly stream?: ServerHttp2Stream },
): ServerHttp2Stream | undefined {
  return response.stream;
}

async function abandon({ body, status, delivery }: RenderedResponse): Promise<void> {
  await closeBody(body);
  delivery.abort(status, 0);
}

function writeAtOnce({ status, headers, body, delivery }: RenderedResponse, response: ServerResponse): Promise<void> {
  const length = bodyLength(body) ?? 0;
  return new Promise((resolve) => {
    response.once("close", () => {
      if (response.writableFinished) delivery.finish(status, length);
      else delivery.abort(status, 0);
      resolve();
    });
    writeHead(response, status, headers);
    if (body.kind === "bytes") response.end(body.bytes);
    else response.end();
  });
}

interface Progress {
  sent: number;
}

function writeChunks(rendered: RenderedResponse, body: ReadableBody, response: ServerResponse): Promise<void> {
  const { status, delivery } = rendered;
  const progress: Progress = { sent: 0 };
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      // At once, not when the source next yields: it may never do so again.
      void closeBody(body);
      if (!response.writableFinished) delivery.abort(status, progress.sent);
      resolve();
    };
    response.once("close", onClose);
    sendBody(rendered, body, response, progress).then(
      () => void (response.writableFinished && delivery.finish(status, progress.sent)),
      async (error: unknown) => {
        await closeBody(body);
        if (isDestroyed(response)) return;
        delivery.abort(status, progress.sent, error);
        if (response.headersSent) return breakConnection(response, bodyLength(body));
        response.off("close", onClose);
        reject(error);
      },
    );
  });
}

function sendBody(
  rendered: RenderedResponse,
  body: ReadableBody,
  response: ServerResponse,
  progress: Progress,
): Promise<void> {
  if (rendered.limitRate)
    return sendChunks(rendered, limitRate(readBody(body), rendered.limitRate), body, response, progress);
  if (body.kind === "file" && body.length !== undefined && body.length > 0) {
    const start = body.range?.start ?? 0;
    const resident = body.file.resident?.({ start, end: start + body.length - 1 });
    if (resident) return sendResident(rendered, resident, response, progress);
    if (isPumpable(body.file, response)) return sendFile(rendered, body.file, start, body.length, response, progress);
  }
  return sendChunks(rendered, readBody(body), body, response, progress);
}

function sendResident(
  { status, headers }: RenderedResponse,
  bytes: Uint8Array,
  response: ServerResponse,
  progress: Progress,
): Promise<void> {
  writeHead(response, status, headers);
  progress.sent = bytes.byteLength;
  response.end(bytes);
  return closed(response);
}

async function sendFile(
  { status, headers }: RenderedResponse,
  file: PumpableFile,
  start: number,
  length: number,
  response: ServerResponse,
  progress: Progress,
): Promise<void> {
  await pump(file, response, {
    start,
    length,
    onStart: () => writeHead(response, status, headers),
    onSent: (bytes) => void (progress.sent += bytes),
  });
  await file.close();
  await closed(response);
}

async function sendChunks(
  { status, headers }: RenderedResponse,
  chunks: AsyncGenerator<Uint8Array>,
  body: ReadableBody,
  response: ServerResponse,
  progress: Progress,
): Promise<void> {
  // The first bytes come before the head: a source that fails here still gets the status that says so.
  let next = await chunks.next();
  if (isGone(response)) return chunks.return(undefined).then(() => undefined);
  writeHead(response, status, headers);
  while (!next.done) {
    const flushed = response.write(next.value);
    progress.sent += next.value.byteLength;
    if (!flushed) await drained(response);
    if (isDestroyed(response)) return;
    next = await chunks.next();
  }
  await closeBody(body);
  await ended(response);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (isDestroyed(response)) return resolve();
    const settle = (): void => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}

function ended(response: ServerResponse): Promise<void> {
  response.end();
  return closed(response);
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) resolve();
    else response.once("close", resolve);
  });
}

function writeHead(response: ServerResponse, status: number, headers: readonly string[]): void {
  // By a server that hands over its response for the body alone.
  if (response.headersSent) return;
  // Packages that replace `writeHead`, to hear of it, see fields that were set; on-headers 1.0 mistakes a flat list for pairs.
  const isHeard = Object.hasOwn(response, "writeHead");
  if (isHeard || response.getHeaderNames().length > 0) return writeFieldByField(response, status, headers);
  // Node reads the list and leaves it as it is; its types do not say so.
  response.writeHead(status, headers as string[]);
}

// Beside fields that others have set, Node keeps only the last of several lines of one name. Their cookies stay.
function writeFieldByField(response: ServerResponse, status: number, headers: readonly string[]): void {
  const added = new Set<string>(["set-cookie"]);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? "";
    const value = headers[at + 1] ?? "";
    if (added.has(name.toLowerCase())) response.appendHeader(name, value);
    else response.setHeader(name, value);
    added.add(name.toLowerCase());
  }
  response.writeHead(status);
}

/** RFC 9113 §7. A number, so that an application of HTTP/1 doesn't load the module that names it. */
const internalError = 2;

/**
 * Ends a response that can no longer be completed so that it cannot look whole: what was written goes out, the rest is
 * missing. Where only the end of the connection marks the end of the body (HTTP/1.0), that would look like success: such
 * a connection is reset.
 */
function breakConnection(response: ServerResponse, length: number | undefined): void {
  const { socket } = response;
  const stream = http2Stream(response);
  // One of many on the connection, which goes on (RFC 9113 §5.4.2). At once, it would overtake what was just written.
  if (stream) setImmediate(() => stream.close(internalError));
  else if (!socket) response.destroy();
  else if (length === undefined && !response.chunkedEncoding) socket.resetAndDestroy();
  else socket.destroySoon();
}
