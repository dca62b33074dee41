import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { FileStat } from "../files/download-file.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";
import { handedOverTransfer } from "../responses/transfer.ts";
import { answerError, pathParams } from "./application.ts";
import { isFromBalancer, isVersion2, requestOf, type LambdaEvent } from "./lambda-event.ts";
import { webResponse } from "./web/web-response.ts";

export type { LambdaEvent, LambdaFields, LambdaMultiFields } from "./lambda-event.ts";

/** What Lambda sends in one piece. Which of the fields it has depends on the event. */
export interface LambdaResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, string[]>>;
  readonly cookies?: string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

export interface LambdaOptions<E extends LambdaEvent = LambdaEvent> {
  /** The parameters of the route. Default: `{ path }`, the decoded path without its first slash. */
  readonly params?: (event: E) => Readonly<Record<string, string | undefined>>;
}

export interface BufferedLambdaOptions<E extends LambdaEvent = LambdaEvent> extends LambdaOptions<E> {
  /**
   * The most bytes of a body. Default: {@link maxLambdaBytes}, and 700,000 for a load balancer, which takes 1 MB of Base64.
   */
  readonly maxBytes?: number;
  /**
   * What becomes of a download with more bytes: `redirectToStorage({ expiresIn: 300 })` sends the client to the store. Default: it
   * is a 500, and the log has the reason.
   */
  readonly tooLarge?: DownloadMiddleware;
}

/** Lambda takes 6 MB of a response, in Base64 and with its fields: so many bytes of a file. */
export const maxLambdaBytes: number = 4_600_000;

const maxBalancerBytes = 700_000;

export type LambdaHandler<E extends LambdaEvent = LambdaEvent> = (event: E) => Promise<LambdaResult>;

/**
 * Mounts a handler as a function of AWS Lambda that answers in one piece: behind a REST or an HTTP API of API Gateway, a function
 * URL, or a load balancer. `this.context.native` is the event. Errors of downloads become responses; any other is thrown.
 *
 * A REST API has to have `*\/*` among its binary media types. Ranges of a file that is too large work, as far as they are
 * small enough themselves.
 *
 * @throws {ImproperlyConfiguredError} if `maxBytes` is not a whole number of bytes
 *
 * @example
 * ```ts
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toLambdaHandler } from "downloadview/lambda";
 *
 * const storage = new MemoryStorage();
 * await storage.save("report.pdf", "%PDF-");
 * const handler = toLambdaHandler(StorageDownloadView.asView({ storage }));
 *
 * const result = await handler({
 *   version: "2.0",
 *   rawPath: "/report.pdf",
 *   headers: { host: "files.example" },
 *   requestContext: { http: { method: "GET", sourceIp: "203.0.113.9" } },
 * });
 * console.assert(result.statusCode === 200 && atob(result.body) === "%PDF-");
 * ```
 */
export function toLambdaHandler<E extends LambdaEvent = LambdaEvent>(
  handler: DownloadHandler<E>,
  options: BufferedLambdaOptions<E> = {},
): LambdaHandler<E> {
  const { maxBytes, tooLarge } = options;
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new ImproperlyConfiguredError(`maxBytes must be a whole number of bytes, 1 or more, got ${maxBytes}`);
  }
  return async (event) => {
    const limit = maxBytes ?? (isFromBalancer(event) ? maxBalancerBytes : maxLambdaBytes);
    const request = requestOf(event);
    const answer = async (): Promise<DownloadResult> => {
      const result = await handler(request, contextOf(event, request, options));
      return tooLarge ? withinLimit(result, request, limit, tooLarge) : result;
    };
    const { response, bytes } = await buffered(answer, request, limit);
    return resultOf(event, response, bytes);
  };
}

async function buffered(
  answer: () => Promise<DownloadResult>,
  request: DownloadRequest,
  limit: number,
): Promise<{ response: Response; bytes: Uint8Array }> {
  const response = await responseTo(answer, request);
  const length = Number(response.headers.get("Content-Length"));
  const isHead = request.method === "HEAD";
  if (!isHead && length > limit) {
    await response.body?.cancel();
    throw exceeded(length, limit);
  }
  return { response, bytes: await collected(response, limit) };
}

/** A download, or what `tooLarge` makes of it if its bytes are more than the limit. */
async function withinLimit(
  result: DownloadResult,
  request: DownloadRequest,
  limit: number,
  tooLarge: DownloadMiddleware,
): Promise<DownloadResult> {
  if (request.method !== "GET" || !isDownloadResponse(result) || result.status !== 200) return result;
  const { size, etag } = await described(() => result.file.stat());
  const { bytes } = handedOverTransfer(request, {
    ...(size === undefined ? {} : { size }),
    ...(etag === undefined ? {} : { etag }),
  });
  return bytes !== undefined && bytes > limit ? tooLarge(result, request) : result;
}

// The response says that the file is missing, in the way of its view.
async function described(stat: () => Promise<FileStat>): Promise<FileStat> {
  try {
    return await stat();
  } catch (error) {
    if (error instanceof FileNotFoundError) return {};
    throw error;
  }
}

/** What a reader of a missing body returns. */
const ended = { done: true, value: undefined } as const;

async function collected({ body }: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? ended;
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
    if (size <= limit) continue;
    await reader?.cancel();
    throw exceeded(size, limit);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function exceeded(bytes: number, limit: number): ImproperlyConfiguredError {
  return new ImproperlyConfiguredError(
    `A download has ${bytes} bytes or more, and this function sends ${limit} in one piece. Use toStreamingLambdaHandler(), or ` +
      "tooLarge: redirectToStorage({ expiresIn: 300 })",
  );
}

function resultOf(event: LambdaEvent, { status, headers }: Response, bytes: Uint8Array): LambdaResult {
  const body = { body: base64(bytes), isBase64Encoded: bytes.byteLength > 0 };
  const cookies = headers.getSetCookie();
  const fields: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (name !== "set-cookie") fields[name] = value;
  });
  if (isVersion2(event)) {
    return { statusCode: status, headers: fields, ...(cookies.length > 0 && { cookies }), ...body };
  }
  // A load balancer has either the one or the other, by its own setting.
  if (isFromBalancer(event) && !event.multiValueHeaders) {
    const [cookie] = cookies;
    return {
      statusCode: status,
      headers: { ...fields, ...(cookie !== undefined && { "set-cookie": cookie }) },
      ...body,
    };
  }
  const many = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, [value]]));
  if (cookies.length > 0) many["set-cookie"] = cookies;
  return { statusCode: status, multiValueHeaders: many, ...body };
}

function base64(bytes: Uint8Array): string {
  let text = "";
  // In pieces: a call takes so many arguments.
  for (let at = 0; at < bytes.byteLength; at += 32_768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  }
  return btoa(text);
}

/** The stream of Lambda's runtime that a response is written to. */
export interface LambdaResponseStream {
  write(chunk: Uint8Array | string): boolean;
  end(callback?: () => void): unknown;
  destroy(error?: Error): unknown;
  once(event: "drain" | "close" | "error" | "finish", listener: (...values: never[]) => void): unknown;
}

/** The global `awslambda` of Lambda's runtime for Node. */
export interface LambdaRuntime {
  streamifyResponse<E>(handler: (event: E, stream: LambdaResponseStream) => Promise<void>): unknown;
  readonly HttpResponseStream: {
    from(stream: LambdaResponseStream, head: LambdaResponseHead): LambdaResponseStream;
  };
}

export interface LambdaResponseHead {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: string[];
}

/**
 * Mounts a handler as a function of AWS Lambda that streams its response: behind a function URL with the invoke mode
 * `RESPONSE_STREAM`, or a REST API with response streaming. Responses may have 200 MB.
 *
 * @param runtime Default: the global `awslambda` of Lambda's runtime for Node
 * @returns the function to export as `handler`
 * @throws {ImproperlyConfiguredError} outside of Lambda's runtime for Node
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { download } from "downloadview";
 * import { toStreamingLambdaHandler, type LambdaEvent, type LambdaRuntime } from "downloadview/lambda";
 *
 * // In place of Lambda's own.
 * let statusCode = 0;
 * const runtime: LambdaRuntime = {
 *   streamifyResponse: (handler) => handler,
 *   HttpResponseStream: { from: (stream, head) => ((statusCode = head.statusCode), stream) },
 * };
 * const view = async () => download("hello", { name: "hello.txt" });
 * type Streaming = (event: LambdaEvent, stream: PassThrough) => Promise<void>;
 * const handler = toStreamingLambdaHandler(view, {}, runtime) as Streaming;
 *
 * const stream = new PassThrough();
 * await handler({ version: "2.0", rawPath: "/", requestContext: { http: { method: "GET" } } }, stream);
 * console.assert(statusCode === 200 && String(stream.read()) === "hello");
 * ```
 */
export function toStreamingLambdaHandler<E extends LambdaEvent = LambdaEvent>(
  handler: DownloadHandler<E>,
  options: LambdaOptions<E> = {},
  runtime: LambdaRuntime | undefined = (globalThis as { awslambda?: LambdaRuntime }).awslambda,
): unknown {
  if (typeof runtime?.streamifyResponse !== "function") {
    throw new ImproperlyConfiguredError(
      "toStreamingLambdaHandler() needs the global awslambda, which only Lambda's own runtime for Node has. Elsewhere, use " +
        "toLambdaHandler() or another adapter",
    );
  }
  return runtime.streamifyResponse<E>(async (event, stream) => {
    const request = requestOf(event);
    const response = await responseTo(() => handler(request, contextOf(event, request, options)), request);
    const headers: Record<string, string> = {};
    response.headers.forEach((value, name) => {
      if (name !== "set-cookie") headers[name] = value;
    });
    const cookies = response.headers.getSetCookie();
    const out = runtime.HttpResponseStream.from(stream, { statusCode: response.status, headers, cookies });
    await written(response, out);
  });
}

async function written({ body }: Response, stream: LambdaResponseStream): Promise<void> {
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    const close = (): void => {
      isClosed = true;
      resolve();
    };
    stream.once("close", close);
    stream.once("error", close);
  });
  // Without a write, Lambda sends no head.
  stream.write("");
  const reader = body?.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? ended;
      if (done) break;
      const hasRoom = stream.write(value);
      if (!hasRoom) await Promise.race([closed, new Promise<void>((resolve) => stream.once("drain", () => resolve()))]);
      if (isClosed) return await reader?.cancel();
    }
  } catch (error) {
    // A body that ends early must not look whole.
    stream.destroy(error instanceof Error ? error : new Error("The body failed", { cause: error }));
    return;
  }
  await Promise.race([closed, new Promise<void>((resolve) => stream.end(() => resolve()))]);
}

async function responseTo(answer: () => Promise<DownloadResult>, request: DownloadRequest): Promise<Response> {
  try {
    return await webResponse(answer(), request);
  } catch (error) {
    return answerError(error);
  }
}

function contextOf<E extends LambdaEvent>(
  event: E,
  { url }: DownloadRequest,
  { params }: LambdaOptions<E>,
): Parameters<DownloadHandler<E>>[1] {
  const { http, identity } = event.requestContext ?? {};
  return {
    params: params ? params(event) : pathParams({ url }),
    native: event,
    clientAddress: () => http?.sourceIp ?? identity?.sourceIp,
  };
}
