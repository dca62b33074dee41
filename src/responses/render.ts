import { debug, reasonOf } from "../diagnostics.ts";
import { FileChangedError, FileNotFoundError, UpstreamError } from "../errors.ts";
import { ofLength, startChunks } from "../files/content.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import { isFramingField } from "../http/framing.ts";
import { isOffloadField } from "../http/offload-fields.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { ResponseHead } from "../http/head.ts";
import { maxRanges, parseRange, rangeLength, type RangeSpec } from "../http/range.ts";
import { withoutCredentials } from "../serialization.ts";
import { withCrossOriginFields } from "./cross-origin.ts";
import { startDelivery, statusOf, type Delivery } from "./delivery.ts";
import type { DownloadResponse } from "./download-response.ts";
import type { DownloadRequest, DownloadResult } from "./handler.ts";
import type { ProxiedDownloadResponse } from "./proxied-download-response.ts";
import { answerTo, type Answer } from "./representation.ts";
import type { RenderedResponse, ResponseBody } from "./rendered-response.ts";
import { announceTransfer, sentTransfer } from "./transfer.ts";
import { withWantedDigests } from "./wanted-digests.ts";
import { limitsOf, renderWebResponse } from "./web-response.ts";

export interface RenderOptions {
  /**
   * Leaves a local file unopened until its body is read, for runtimes that may drop a body without cancelling it. Default: when
   * rendering ends, the file is open, and known to be the one that the head describes.
   */
  lazy?: boolean;
}

/** Renders whatever a handler returned. */
export function renderResult(
  result: DownloadResult,
  request: DownloadRequest,
  options?: RenderOptions,
): Promise<RenderedResponse> {
  // By its kind: the response may be of another copy of this package, and the result of JavaScript may be undefined.
  if (!("kind" in Object(result))) return renderForeign(result as Response, request);
  return (result as DownloadResponse | ProxiedDownloadResponse).render(request, options);
}

/** Asynchronous, so that a result that is no response is a rejection. */
async function renderForeign(response: Response, request: DownloadRequest): Promise<RenderedResponse> {
  return renderWebResponse(response, request, startDelivery(request, undefined, limitsOf(response)?.onFinish));
}

/** Decides what a request gets, once its delivery is tracked. */
export type Renderer = (
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
) => Promise<RenderedResponse>;

/**
 * Renders a download. It tracks the delivery, reports a failure to it, and lets the view answer for a missing file.
 * @param render default: the application sends the file itself
 */
export async function renderDownload(
  response: DownloadResponse,
  request: DownloadRequest,
  options: RenderOptions = {},
  render: Renderer = renderFile,
): Promise<RenderedResponse> {
  const delivery = startDelivery(request, response.file, response.onFinish);
  try {
    const rendered = await delivery.run(() => render(response, request, delivery, options));
    if (rendered.body.kind === "none") releaseFile(response.file);
    return rendered;
  } catch (error) {
    releaseFile(response.file);
    if (request.signal?.aborted) return abandoned(delivery);
    if (error instanceof FileNotFoundError) debugNotFound(response.file, error);
    if (error instanceof FileNotFoundError && response.hooks.fileNotFoundResponse) {
      return notFound(response, request, error, delivery);
    }
    delivery.abort(statusOf(error), 0, error);
    throw withCrossOriginFields(error, response.headers);
  }
}

/** What nginx logs for a request whose client left before it was answered. */
const clientClosedRequest = 499;

/** The response to a client that left, which nothing sends. An error that the leaving caused is not a failure. */
function abandoned(delivery: Delivery): RenderedResponse {
  delivery.abort(clientClosedRequest, 0);
  return { status: clientClosedRequest, headers: [], body: { kind: "none" }, delivery };
}

async function notFound(
  response: DownloadResponse,
  request: DownloadRequest,
  error: FileNotFoundError,
  delivery: Delivery,
): Promise<RenderedResponse> {
  try {
    return renderWebResponse(await response.hooks.fileNotFoundResponse!(error), request, delivery);
  } catch (thrown) {
    delivery.abort(statusOf(thrown), 0, thrown);
    throw withCrossOriginFields(thrown, response.headers);
  }
}

/** Writes to the debug log which file was requested, and why the client gets a 404. */
export function debugNotFound(file: DownloadFile | string, error: FileNotFoundError): void {
  debug(() => `404 for ${typeof file === "string" ? file : placeOf(file)}: ${reasonOf(error)}`);
}

function placeOf(file: DownloadFile): string {
  try {
    return file.path ?? (file.url === undefined ? JSON.stringify(file.name) : withoutCredentials(file.url));
  } catch {
    // A storage refuses a bad name when it is asked where the file is.
    return JSON.stringify(file.name);
  }
}

/** Renders a download that the application refused after it was made: its status, and no byte of the file. */
export async function renderRefusal(
  response: Pick<DownloadResponse, "status" | "headers" | "onFinish"> & { readonly file: DownloadFile | undefined },
  request: DownloadRequest,
): Promise<RenderedResponse> {
  const { status, headers, file, onFinish } = response;
  const sendable = [...headers].filter(([name]) => !isOffloadField(name) && !isFramingField(name));
  const fields = new HeaderFields(sendable).set("Content-Length", "0");
  return { status, headers: fields.toRaw(), body: { kind: "none" }, delivery: startDelivery(request, file, onFinish) };
}

/** Sends the file from the application: one `stat` for HEAD, one `open` for any other method, never both. */
export async function renderFile(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  if (request.method === "HEAD") return renderHead(response, request, delivery);
  let openOptions: OpenOptions = new ConditionalRequestOptions(request, options.lazy);
  // A file may be replaced between its `stat` and its `open`. What is sent then is the new one, with its own head.
  for (let attempt = 1; ; attempt += 1) {
    let opened: OpenFile | undefined;
    try {
      opened = await response.file.open(openOptions);
      const answer = await answerTo(response, request, opened.stat);
      // A file has no bytes if the client has the version that the source knows. But the application may send validators of its
      // own, and by those the client has another version.
      const lacksBytes = opened.notModified && "decision" in answer && answer.decision.kind !== "notModified";
      if (!lacksBytes) return await renderOpened(response, request, opened, answer, delivery);
      // Opened again without the client's tag. A file that then still reports "not modified" has no bytes for any client.
      if (attempt === maxAttempts)
        throw new UpstreamError(502, "The file was not asked, and says that it is not modified");
      openOptions = new RequestOptions(request, options.lazy);
    } catch (error) {
      await opened?.close();
      if (!(error instanceof FileChangedError) || attempt === maxAttempts) throw error;
      continue;
    }
    await opened.close();
  }
}

const maxAttempts = 3;

async function renderHead(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
): Promise<RenderedResponse> {
  const answer = await answerTo(response, request, await response.file.stat(new HeadOptions(request)));
  if (!("decision" in answer)) return renderWebResponse(answer, request, delivery);
  return responseOf(answer.head, { kind: "none" }, delivery);
}

async function renderOpened(
  response: DownloadResponse,
  request: DownloadRequest,
  opened: OpenFile,
  answer: Answer | Response,
  delivery: Delivery,
): Promise<RenderedResponse> {
  if (!("decision" in answer)) {
    await opened.close();
    return renderWebResponse(answer, request, delivery);
  }
  let { head } = answer;
  const { kind } = answer.decision;
  const sendsBytes = kind === "full" || kind === "partial" || kind === "multipart";
  let body: ResponseBody = sendsBytes ? await bodyOf(answer, opened, request) : { kind: "none" };
  const { headers } = request;
  if (body.kind === "none") await opened.close();
  else if (headers.get("want-content-digest") !== null || headers.get("want-repr-digest") !== null) {
    ({ head, body } = await withDigests(request, opened, answer, body));
  }
  const { beforeSend } = response;
  if (beforeSend && head.status < 400) {
    // Last: a file that changed meanwhile is opened again, and must not be reported as a second transfer.
    const transfer = sentTransfer(answer.decision, answer.representation);
    if (transfer) await announceTransfer(beforeSend, transfer, delivery);
  }
  const rendered = responseOf(head, body, delivery);
  return response.limitRate || response.pace || response.slowReaders ? limited(rendered, response) : rendered;
}

function responseOf(
  { status, fields, yields }: ResponseHead,
  body: ResponseBody,
  delivery: Delivery,
): RenderedResponse {
  return { status, headers: fields.raw, yields, body, delivery };
}

function limited(rendered: RenderedResponse, response: DownloadResponse): RenderedResponse {
  const { limitRate, pace, slowReaders } = response;
  const rate = pace ? () => Math.min(limitRate || Infinity, pace()) : limitRate;
  return { ...rendered, ...(rate ? { limitRate: rate } : {}), ...(slowReaders ? { slowReaders } : {}) };
}

async function withDigests(
  request: DownloadRequest,
  { stat }: OpenFile,
  { head, decision }: Answer,
  body: ResponseBody,
): Promise<{ head: ResponseHead; body: ResponseBody }> {
  if (body.kind !== "content") return { head, body };
  const digested = await withWantedDigests(request, head.fields, body.content, stat.digests, decision.kind === "full");
  if (!digested) return { head, body };
  return { head: { ...head, fields: digested.fields }, body: { ...body, content: digested.content } };
}

/** What an answer sends of `file`. Whatever can fail with a status fails here. */
async function bodyOf(
  { decision, representation, multipart }: Answer,
  file: OpenFile,
  request: DownloadRequest,
): Promise<ResponseBody> {
  const range = decision.kind === "partial" ? decision.range : multipart?.parts[0]?.range;
  const length = range ? rangeLength(range) : representation.size;
  let content = await file.content(range);
  if (length !== undefined) content = ofLength(content, length);
  if (content.kind === "chunks") content = await startChunks(content, request.signal);
  if (!multipart) return { kind: "content", file, content };
  return { kind: "multipart", file, multipart, first: content, length: multipart.contentLength };
}

/** What a file may read of a request. Getters, since most files read nothing, and making a signal is expensive. */
export class RequestOptions implements OpenOptions {
  protected readonly request: DownloadRequest;
  readonly lazy: boolean;

  constructor(request: DownloadRequest, lazy = false) {
    this.request = request;
    this.lazy = lazy;
  }

  get signal(): AbortSignal | undefined {
    return this.request.signal;
  }

  get acceptEncoding(): string | null {
    return this.request.headers.get("accept-encoding");
  }

  /** The one range that the client asks for, which a remote source requests upstream, so that one round trip is enough. */
  get range(): RangeSpec | undefined {
    const specs = this.#specs();
    return specs.length === 1 ? specs[0] : undefined;
  }

  get ranges(): readonly RangeSpec[] | undefined {
    const specs = this.#specs();
    return specs.length > 1 ? specs : undefined;
  }

  #specs(): readonly RangeSpec[] {
    const header = this.request.method === "GET" ? this.request.headers.get("range") : null;
    const specs = header === null ? undefined : parseRange(header);
    return specs === undefined || specs.length > maxRanges ? [] : specs;
  }
}

/** The same, for a description that stands in place of the bytes. */
class HeadOptions extends RequestOptions {
  readonly readable = true;
}

/** The same, for a file that is going to be read unless the client has it. */
class ConditionalRequestOptions extends RequestOptions {
  get ifNoneMatch(): string | undefined {
    const { headers } = this.request;
    // These two are evaluated first (RFC 9110 §13.2.2).
    if (headers.get("if-match") !== null || headers.get("if-unmodified-since") !== null) return undefined;
    // One strong tag: what the client got from here, and what every store understands.
    return /^"[\x21\x23-\x7e]*"$/.exec(headers.get("if-none-match")?.trim() ?? "")?.[0];
  }
}
