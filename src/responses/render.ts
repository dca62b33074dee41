import { debug, reasonOf } from "../diagnostics.ts";
import { FileChangedError, FileNotFoundError, UpstreamError } from "../errors.ts";
import { ofLength, startChunks, type Content } from "../files/content.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import { decide, modifiedSince, type Decision } from "../http/decide.ts";
import { isFramingField } from "../http/framing.ts";
import { isHandOffField } from "../http/hand-off.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { responseHead, treatmentFields, type DescribedRepresentation, type ResponseHead } from "../http/head.ts";
import {
  contentRange,
  multipartBoundary,
  maxRanges,
  multipartByteRanges,
  parseRange,
  rangeLength,
  type ByteRange,
  type MultipartByteRanges,
  type RangeSpec,
} from "../http/range.ts";
import { withoutCredentials } from "../serialization.ts";
import { withCrossOriginFields } from "./cross-origin.ts";
import { startDelivery, statusOf, type Delivery } from "./delivery.ts";
import type { DownloadResponse } from "./download-response.ts";
import { isDownloadResponse, isProxiedDownloadResponse, type DownloadRequest, type DownloadResult } from "./handler.ts";
import { describe, type DescribedResponse } from "./representation.ts";
import type { RenderedResponse, ResponseBody } from "./rendered-response.ts";
import { sentTransfer } from "./transfer.ts";
import { withWantedDigests } from "./wanted-digests.ts";
import { wasModifiedSince } from "./was-modified-since.ts";
import { renderWebResponse } from "./web-response.ts";

export interface RenderOptions {
  /**
   * Leaves a local file unopened until its body is read, for runtimes that may drop a body without cancelling it. Default: when
   * rendering ends, the file is open, and known to be the one that the head describes.
   */
  lazy?: boolean;
}

/** Renders whatever a handler returned. */
export async function renderResult(
  result: DownloadResult,
  request: DownloadRequest,
  options?: RenderOptions,
): Promise<RenderedResponse> {
  if (isDownloadResponse(result) || isProxiedDownloadResponse(result)) return result.render(request, options);
  return renderWebResponse(result, request, startDelivery(request, undefined));
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
  const sendable = [...headers].filter(([name]) => !isHandOffField(name) && !isFramingField(name));
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
      if (isUsable(opened, answer)) return await renderOpened(response, request, opened, answer, delivery);
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

/**
 * Whether an opened file has what the answer needs. A file has no bytes if the client has the version that the source knows;
 * but the application may send validators of its own, and by those the client has another version.
 */
function isUsable(opened: OpenFile, answer: Answer | Response): boolean {
  return !opened.notModified || answer instanceof Response || answer.decision.kind === "notModified";
}

async function renderHead(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
): Promise<RenderedResponse> {
  const answer = await answerTo(response, request, await response.file.stat(new HeadOptions(request)));
  if (answer instanceof Response) return renderWebResponse(answer, request, delivery);
  return responseOf(answer.head, { kind: "none" }, delivery);
}

async function renderOpened(
  response: DownloadResponse,
  request: DownloadRequest,
  opened: OpenFile,
  answer: Answer | Response,
  delivery: Delivery,
): Promise<RenderedResponse> {
  if (answer instanceof Response) {
    await opened.close();
    return renderWebResponse(answer, request, delivery);
  }
  let { head } = answer;
  let body = await bodyOf(answer, opened, request);
  if (body.kind === "none") await opened.close();
  else if (asksForDigest(request)) ({ head, body } = await withDigests(request, opened, answer, body));
  const { beforeSend } = response;
  if (beforeSend && head.status < 400) {
    // Last: a file that changed meanwhile is opened again, and must not be reported as a second transfer.
    const transfer = sentTransfer(answer.decision, answer.representation);
    if (transfer) await beforeSend(transfer);
  }
  return limited(responseOf(head, body, delivery), response);
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
  if (!limitRate && !pace && !slowReaders) return rendered;
  const rate = pace ? () => Math.min(limitRate || Infinity, pace()) : limitRate;
  return { ...rendered, ...(rate ? { limitRate: rate } : {}), ...(slowReaders ? { slowReaders } : {}) };
}

function asksForDigest({ headers }: DownloadRequest): boolean {
  return headers.get("want-content-digest") !== null || headers.get("want-repr-digest") !== null;
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
  switch (decision.kind) {
    case "full":
      return { kind: "content", file, content: await contentOf(file, undefined, representation.size, request) };
    case "partial": {
      const { range } = decision;
      return { kind: "content", file, content: await contentOf(file, range, rangeLength(range), request) };
    }
    case "multipart": {
      const part = multipart?.parts[0];
      if (!part) return { kind: "none" };
      const first = await contentOf(file, part.range, rangeLength(part.range), request);
      return { kind: "multipart", file, multipart, first, length: multipart.contentLength };
    }
    default:
      return { kind: "none" };
  }
}

async function contentOf(
  file: OpenFile,
  range: ByteRange | undefined,
  length: number | undefined,
  request: DownloadRequest,
): Promise<Content> {
  const content = await file.content(range);
  const promised = length === undefined ? content : ofLength(content, length);
  return promised.kind === "chunks" ? startChunks(promised, request.signal) : promised;
}

/** What a request gets, as far as the description of the file tells. */
export interface Answer {
  readonly decision: Decision;
  readonly representation: DescribedRepresentation;
  readonly head: ResponseHead;
  readonly multipart?: MultipartByteRanges;
}

/** Decides a request by the description of the file: an answer, or the response that the view's `notModifiedResponse` made. */
export async function answerTo(
  response: DownloadResponse,
  request: DownloadRequest,
  stat: FileStat,
): Promise<Answer | Response> {
  const described = describe(response, stat, request);
  const { representation, fields, yields } = described;
  // RFC 9110 §13.2.1: preconditions and ranges are ignored where the answer without them would not be a success.
  const isConditional = response.status === 200;
  const since = isConditional ? modifiedSince(request) : undefined;
  const options = since && { modified: await isModified(response, since, representation) };
  const decision: Decision = isConditional ? decide(request, representation, options) : { kind: "full" };
  switch (decision.kind) {
    case "full": {
      const head = (described.whole ??= { ...responseHead(decision, representation, fields), yields });
      const { status } = response;
      return { decision, representation, head: status === head.status ? head : { ...head, status } };
    }
    case "partial":
      return { decision, representation, head: partialHead(described, decision) };
    case "notModified":
      return notModifiedAnswer(response, described, decision);
    case "multipart": {
      const { size = 0, contentType } = representation;
      const boundary = multipartBoundary();
      const multipart = multipartByteRanges(decision.ranges, { size, contentType, boundary });
      const head = { ...responseHead(decision, representation, fields, multipart), yields };
      return { decision, representation, head, multipart };
    }
    default:
      return { decision, representation, head: { ...responseHead(decision, representation, fields), yields } };
  }
}

function isModified(
  { hooks, file }: DownloadResponse,
  since: Date,
  representation: DescribedRepresentation,
): boolean | Promise<boolean> {
  if (hooks.wasModifiedSince) return hooks.wasModifiedSince(file, since, representation);
  return wasModifiedSince(file, since, representation);
}

async function notModifiedAnswer(
  { hooks }: DownloadResponse,
  described: DescribedResponse,
  decision: Decision,
): Promise<Answer | Response> {
  const { representation, yields } = described;
  const { status, fields } = (described.notModified ??= notModifiedHead(described, decision));
  // A copy: the view may change the fields, which are derived only once.
  const own = new HeaderFields(fields);
  const custom = await hooks.notModifiedResponse?.(own);
  return custom ?? { decision, representation, head: { status, fields: own, yields } };
}

function notModifiedHead({ representation, fields }: DescribedResponse, decision: Decision): ResponseHead {
  const head = responseHead(decision, representation, fields);
  for (const [name, value] of treatmentFields(fields)) head.fields.set(name, value);
  return head;
}

/** A part's own fields are added to those that all parts of a file have in common. */
function partialHead(described: DescribedResponse, { range }: Extract<Decision, { kind: "partial" }>): ResponseHead {
  const { representation, yields } = described;
  described.partial ??= commonToParts(described, range);
  const { status, fields } = described.partial;
  const own = new HeaderFields(fields)
    .append("Content-Length", String(rangeLength(range)))
    .append("Content-Range", contentRange(range, representation.size ?? 0));
  return { status, fields: own, yields };
}

function commonToParts({ representation, fields }: DescribedResponse, range: ByteRange): ResponseHead {
  const head = responseHead({ kind: "partial", range }, representation, fields);
  head.fields.delete("Content-Length");
  head.fields.delete("Content-Range");
  return head;
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
