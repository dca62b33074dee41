import { FileChangedError, FileNotFoundError } from "../errors.ts";
import type { FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import { modifiedSince } from "../http/conditional.ts";
import { decide, type Decision } from "../http/decide.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { responseHead, type DescribedRepresentation, type ResponseHead } from "../http/head.ts";
import {
  multipartBoundary,
  multipartByteRanges,
  parseRange,
  rangeLength,
  type ByteRange,
  type MultipartByteRanges,
  type RangeSpec,
} from "../http/range.ts";
import { startDelivery, type Delivery } from "./delivery.ts";
import type { DownloadResponse } from "./download-response.ts";
import type { DownloadRequest } from "./handler.ts";
import { describe, type DescribedResponse } from "./representation.ts";
import type { RenderedResponse, ResponseBody } from "./rendered-response.ts";
import { renderWebResponse } from "./web-response.ts";

export interface RenderOptions {
  /**
   * Leave a local file unopened until its body is read, for runtimes that may drop a body without a word. By default it
   * is open, and known to be the file that the head describes, when rendering ends.
   */
  lazy?: boolean;
}

/** Decides what `request` gets of a download: one `stat` for HEAD, one `open` for anything else, never both. */
export async function renderDownload(
  response: DownloadResponse,
  request: DownloadRequest,
  options: RenderOptions = {},
): Promise<RenderedResponse> {
  return followed(response, request, (delivery) => renderFollowed(response, request, delivery, options));
}

/** {@link renderDownload} for a download that is being followed already. */
export function renderFollowed(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions = {},
): Promise<RenderedResponse> {
  return request.method === "HEAD"
    ? renderHead(response, request, delivery)
    : renderLatest(response, request, delivery, options);
}

/** Renders, tells whoever follows the download of a failure, and lets the view answer for a file that is not there. */
export async function followed(
  response: DownloadResponse,
  request: DownloadRequest,
  render: (delivery: Delivery) => Promise<RenderedResponse>,
): Promise<RenderedResponse> {
  const delivery = startDelivery(request, response.file, response.onFinish);
  try {
    return await render(delivery);
  } catch (error) {
    if (error instanceof FileNotFoundError && response.hooks.fileNotFoundResponse) {
      return notFound(response, error, delivery);
    }
    delivery.abort(statusOf(error), 0, error);
    throw error;
  }
}

const mostAttempts = 3;

/** A file may be replaced between its `stat` and its `open`; what is served then is the new one, headers and all. */
async function renderLatest(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await renderBody(response, request, delivery, options);
    } catch (error) {
      if (!(error instanceof FileChangedError) || attempt === mostAttempts) throw error;
    }
  }
}

async function notFound(
  response: DownloadResponse,
  error: FileNotFoundError,
  delivery: Delivery,
): Promise<RenderedResponse> {
  try {
    return renderWebResponse(await response.hooks.fileNotFoundResponse!(error), delivery);
  } catch (thrown) {
    delivery.abort(statusOf(thrown), 0, thrown);
    throw thrown;
  }
}

function statusOf(error: unknown): number {
  return typeof error === "object" && error !== null && "status" in error ? Number(error.status) : 500;
}

async function renderHead(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
): Promise<RenderedResponse> {
  try {
    const answer = await answerTo(response, request, await response.file.stat(new RequestOptions(request)));
    if (answer instanceof Response) return renderWebResponse(answer, delivery);
    return finished(answer, { kind: "none" }, delivery);
  } finally {
    await response.file.release?.();
  }
}

async function renderBody(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  { lazy = false }: RenderOptions,
): Promise<RenderedResponse> {
  const { opened, answer } = await openFor(response, request);
  try {
    if (answer instanceof Response) {
      await opened.close();
      return renderWebResponse(answer, delivery);
    }
    const body = await bodyOf(answer, opened);
    if (body.kind === "none" || body.kind === "bytes") await opened.close();
    else if (!lazy) await opened.prepare?.();
    return { ...finished(answer, body, delivery), ...(response.limitRate ? { limitRate: response.limitRate } : {}) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface OpenedFor {
  readonly opened: OpenFile;
  readonly answer: Answer | Response;
}

/** The file, with bytes if the answer needs some, and the answer. */
async function openFor(
  response: DownloadResponse,
  request: DownloadRequest,
  options: OpenOptions = new ConditionalRequestOptions(request),
): Promise<OpenedFor> {
  const opened = await response.file.open(options);
  try {
    const answer = await answerTo(response, request, opened.stat);
    if (!opened.notModified || answer instanceof Response || answer.decision.kind === "notModified") {
      return { opened, answer };
    }
  } catch (error) {
    await opened.close();
    throw error;
  }
  // The application has validators of its own, and by them the client has another version.
  await opened.close();
  return openFor(response, request, new RequestOptions(request));
}

/** What a file may want to know of a request. Getters, since most files do not ask, and a signal is dear to make. */
export class RequestOptions implements OpenOptions {
  readonly #request: DownloadRequest;

  constructor(request: DownloadRequest) {
    this.#request = request;
  }

  get signal(): AbortSignal | undefined {
    return this.#request.signal;
  }

  /** The one range that the client asks for, which a remote source asks for in turn, so that one round trip is enough. */
  get range(): RangeSpec | undefined {
    const header = this.#request.method === "GET" ? this.#request.headers.get("range") : null;
    const specs = header === null ? undefined : parseRange(header);
    return specs?.length === 1 ? specs[0] : undefined;
  }
}

/** The same, for a file that is going to be read unless the client has it. */
class ConditionalRequestOptions extends RequestOptions {
  readonly #headers: DownloadRequest["headers"];

  constructor(request: DownloadRequest) {
    super(request);
    this.#headers = request.headers;
  }

  get ifNoneMatch(): string | undefined {
    // RFC 9110 §13.2.2: these two come first.
    if (this.#headers.get("if-match") !== null || this.#headers.get("if-unmodified-since") !== null) return undefined;
    // One strong tag: what the client got from here, and what every store understands.
    return /^"[\x21\x23-\x7e]*"$/.exec(this.#headers.get("if-none-match")?.trim() ?? "")?.[0];
  }
}

/** What a request gets, as far as it can be told from the description of the file. */
export interface Answer {
  readonly decision: Decision;
  readonly representation: DescribedRepresentation;
  readonly head: ResponseHead;
  readonly multipart?: MultipartByteRanges;
}

/** Decides a request on what is known of the file: an answer, or what the view's `notModifiedResponse` made of it. */
export async function answerTo(
  response: DownloadResponse,
  request: DownloadRequest,
  stat: FileStat,
): Promise<Answer | Response> {
  const described = describe(response, stat, request);
  const { representation } = described;
  const decision = await decisionFor(response, request, representation);
  if (decision.kind === "full") return wholeAnswer(response.status, described, decision);
  if (decision.kind === "notModified") return notModifiedAnswer(response, described, decision);
  const multipart = decision.kind === "multipart" ? framing(decision.ranges, representation) : undefined;
  const head = responseHead(decision, representation, described.fields, multipart);
  return { decision, representation, head, ...(multipart ? { multipart } : {}) };
}

async function notModifiedAnswer(
  { hooks }: DownloadResponse,
  described: DescribedResponse,
  decision: Decision,
): Promise<Answer | Response> {
  const { representation } = described;
  const { status, fields } = (described.notModified ??= responseHead(decision, representation, described.fields));
  // The view may change its fields, and they are derived but once.
  const head = { status, fields: new HeaderFields(fields) };
  const custom = await hooks.notModifiedResponse?.(head.fields);
  return custom ?? { decision, representation, head };
}

function wholeAnswer(status: number, described: DescribedResponse, decision: Decision): Answer {
  const { representation, fields } = described;
  const head = (described.whole ??= responseHead(decision, representation, fields));
  return { decision, representation, head: status === head.status ? head : { ...head, status } };
}

function framing(
  ranges: readonly ByteRange[],
  { size = 0, contentType }: DescribedRepresentation,
): MultipartByteRanges {
  return multipartByteRanges(ranges, { size, contentType, boundary: multipartBoundary() });
}

async function decisionFor(
  response: DownloadResponse,
  request: DownloadRequest,
  representation: DescribedRepresentation,
): Promise<Decision> {
  // RFC 9110 §13.2.1: preconditions and ranges are ignored where the answer without them would not be a success.
  if (response.status !== 200) return { kind: "full" };
  const since = modifiedSince(request);
  if (since === undefined) return decide(request, representation);
  const modified = response.hooks.wasModifiedSince?.(response.file, since, representation);
  return decide(request, representation, modified === undefined ? {} : { modified: await modified });
}

async function bodyOf({ decision, representation, multipart }: Answer, file: OpenFile): Promise<ResponseBody> {
  switch (decision.kind) {
    case "full": {
      const bytes = file.bytes ?? (await file.load?.());
      if (bytes) return { kind: "bytes", bytes };
      return { kind: "file", file, ...(representation.size === undefined ? {} : { length: representation.size }) };
    }
    case "partial": {
      const { range } = decision;
      const bytes = file.bytes?.subarray(range.start, range.end + 1) ?? (await file.load?.(range));
      return bytes ? { kind: "bytes", bytes } : { kind: "file", file, range, length: rangeLength(range) };
    }
    case "multipart":
      return multipart ? { kind: "multipart", file, multipart, length: multipart.contentLength } : { kind: "none" };
    default:
      return { kind: "none" };
  }
}

function finished({ head }: Answer, body: ResponseBody, delivery: Delivery): RenderedResponse {
  return { status: head.status, headers: head.fields.raw, body, delivery };
}
