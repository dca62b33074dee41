import { FileChangedError, FileNotFoundError, UpstreamError } from "../errors.ts";
import { ofLength, startChunks, type Content } from "../files/content.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/release-file.ts";
import { modifiedSince } from "../http/conditional.ts";
import { decide, type Decision } from "../http/decide.ts";
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
import { withCrossOriginFields } from "./cross-origin.ts";
import { startDelivery, statusOf, type Delivery } from "./delivery.ts";
import type { DownloadResponse } from "./download-response.ts";
import type { DownloadRequest } from "./handler.ts";
import { given, whenReady, type MaybePromise } from "./maybe-promise.ts";
import { describe, type DescribedResponse } from "./representation.ts";
import type { RenderedResponse, ResponseBody } from "./rendered-response.ts";
import { sentTransfer, type BeforeSend } from "./transfer.ts";
import { debugNotFound } from "./not-found.ts";
import { withWantedDigests } from "./wanted-digests.ts";
import { wasModifiedSince } from "./was-modified-since.ts";
import { renderWebResponse } from "./web-response.ts";

export interface RenderOptions {
  /**
   * Leave a local file unopened until its body is read, for runtimes that may drop a body without a word. By default it
   * is open, and known to be the file that the head describes, when rendering ends.
   */
  lazy?: boolean;
}

/** Decides what `request` gets of a download: one `stat` for HEAD, one `open` for anything else, never both. */
export function renderDownload(
  response: DownloadResponse,
  request: DownloadRequest,
  options: RenderOptions = {},
): Promise<RenderedResponse> {
  return followed(response, request, (delivery) => renderFollowed(response, request, delivery, options));
}

/** What a part of the application refused after the download was made: its status, and no byte of the file. */
export async function renderRefusal(
  response: Pick<DownloadResponse, "status" | "headers" | "onFinish"> & { readonly file: DownloadFile | undefined },
  request: DownloadRequest,
): Promise<RenderedResponse> {
  const { status, headers, file, onFinish } = response;
  const fields = new HeaderFields([...headers].filter(([name]) => !isHandOffField(name))).set("Content-Length", "0");
  return { status, headers: fields.toRaw(), body: { kind: "none" }, delivery: startDelivery(request, file, onFinish) };
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
    const rendered = await render(delivery);
    if (rendered.body.kind === "none") releaseFile(response.file);
    return rendered;
  } catch (error) {
    releaseFile(response.file);
    if (request.signal?.aborted) return abandoned(delivery);
    if (error instanceof FileNotFoundError) debugNotFound(response.file, error);
    if (error instanceof FileNotFoundError && response.hooks.fileNotFoundResponse) {
      return notFound(response, error, delivery);
    }
    delivery.abort(statusOf(error), 0, error);
    throw withCrossOriginFields(error, response.headers);
  }
}

/** What nginx logs for a request whose client left before it was answered. */
const clientClosedRequest = 499;

/** The answer to a client that left meanwhile, which nothing sends: a failure that came of it is no failure. */
function abandoned(delivery: Delivery): RenderedResponse {
  delivery.abort(clientClosedRequest, 0);
  return { status: clientClosedRequest, headers: [], body: { kind: "none" }, delivery };
}

const mostAttempts = 3;

/** A file may be replaced between its `stat` and its `open`; what is served then is the new one, headers and all. */
async function renderLatest(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  let openOptions: OpenOptions = new ConditionalRequestOptions(request, options.lazy);
  for (let attempt = 1; ; attempt += 1) {
    let opened: OpenFile | undefined;
    try {
      opened = await response.file.open(openOptions);
      const answering = answerTo(response, request, opened.stat);
      const answer = answering instanceof Promise ? await answering : answering;
      if (isOfUse(opened, answer)) return await renderOpened(response, request, opened, answer, delivery);
      // Asked again without the client's tag: a file that answers "not modified" to that has no bytes for anyone.
      if (attempt === mostAttempts)
        throw new UpstreamError(502, "The file was not asked, and says that it is not modified");
      openOptions = new RequestOptions(request, options.lazy);
    } catch (error) {
      await opened?.close();
      if (!(error instanceof FileChangedError) || attempt === mostAttempts) throw error;
      continue;
    }
    await opened.close();
  }
}

/**
 * Whether what was opened can be answered with. It has no bytes where the client's version was the file's own; but the
 * application may have validators of its own, and by them the client has another version.
 */
function isOfUse(opened: OpenFile, answer: Answer | Response): boolean {
  return !opened.notModified || answer instanceof Response || answer.decision.kind === "notModified";
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
    throw withCrossOriginFields(thrown, response.headers);
  }
}

async function renderHead(
  response: DownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
): Promise<RenderedResponse> {
  const answer = await answerTo(response, request, await response.file.stat(new HeadOptions(request)));
  if (answer instanceof Response) return renderWebResponse(answer, delivery);
  return finished(answer, { kind: "none" }, delivery);
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
    return renderWebResponse(answer, delivery);
  }
  const found = await bodyOf(answer, opened, request);
  const { head, body } = asksForDigest(request)
    ? await withDigests(request, opened, answer, found)
    : { head: answer.head, body: found };
  if (body.kind === "none") await opened.close();
  // Last: a file that changed meanwhile is opened anew, and that must not be reported as a second transfer.
  const { beforeSend } = response;
  if (beforeSend && answer.head.status < 400) await announce(beforeSend, answer);
  return limited(finished({ head }, body, delivery), response);
}

function limited(rendered: RenderedResponse, response: DownloadResponse): RenderedResponse {
  const { limitRate, pace, slowReaders } = response;
  if (!limitRate && !pace && !slowReaders) return rendered;
  const rate = pace ? () => Math.min(limitRate || Infinity, pace()) : limitRate;
  return { ...rendered, ...(rate ? { limitRate: rate } : {}), ...(slowReaders ? { slowReaders } : {}) };
}

function asksForDigest({ headers }: DownloadRequest): boolean {
  return headers.get("Want-Content-Digest") !== null || headers.get("Want-Repr-Digest") !== null;
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

async function announce(beforeSend: BeforeSend, { decision, representation }: Answer): Promise<void> {
  const transfer = sentTransfer(decision, representation);
  if (transfer) await beforeSend(transfer);
}

/** What a file may want to know of a request. Getters, since most files do not ask, and a signal is dear to make. */
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

  /** The one range that the client asks for, which a remote source asks for in turn, so that one round trip is enough. */
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
    // RFC 9110 §13.2.2: these two come first.
    if (headers.get("if-match") !== null || headers.get("if-unmodified-since") !== null) return undefined;
    // One strong tag: what the client got from here, and what every store understands.
    return /^"[\x21\x23-\x7e]*"$/.exec(headers.get("if-none-match")?.trim() ?? "")?.[0];
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
export function answerTo(
  response: DownloadResponse,
  request: DownloadRequest,
  stat: FileStat,
): MaybePromise<Answer | Response> {
  const described = describe(response, stat, request);
  return whenReady(decisionFor(response, request, described.representation), (decision) =>
    answerWith(decision, response, described),
  );
}

function answerWith(
  decision: Decision,
  response: DownloadResponse,
  described: DescribedResponse,
): MaybePromise<Answer | Response> {
  const { representation } = described;
  if (decision.kind === "full") return wholeAnswer(response.status, described, decision);
  if (decision.kind === "notModified") return notModifiedAnswer(response, described, decision);
  if (decision.kind === "partial") return partialAnswer(described, decision);
  const multipart = decision.kind === "multipart" ? framing(decision.ranges, representation) : undefined;
  const head = { ...responseHead(decision, representation, described.fields, multipart), yields: described.yields };
  return { decision, representation, head, ...(multipart ? { multipart } : {}) };
}

function notModifiedAnswer(
  { hooks }: DownloadResponse,
  described: DescribedResponse,
  decision: Decision,
): MaybePromise<Answer | Response> {
  const { representation } = described;
  const { status, fields } = (described.notModified ??= responseHead(decision, representation, described.fields));
  // The view may change its fields, and they are derived but once.
  const head = { status, fields: new HeaderFields(fields), yields: described.yields };
  for (const [name, value] of treatmentFields(described.fields)) head.fields.set(name, value);
  return whenReady(
    given(hooks.notModifiedResponse?.(head.fields)),
    (custom) => custom ?? { decision, representation, head },
  );
}

function wholeAnswer(status: number, described: DescribedResponse, decision: Decision): Answer {
  const { representation, fields, yields } = described;
  const head = (described.whole ??= { ...responseHead(decision, representation, fields), yields });
  return { decision, representation, head: status === head.status ? head : { ...head, status } };
}

function partialAnswer(described: DescribedResponse, decision: Extract<Decision, { kind: "partial" }>): Answer {
  const { representation } = described;
  const { status, fields } = (described.partial ??= responseHead(decision, representation, described.fields));
  // Parts differ in these two fields alone.
  const own = new HeaderFields(fields)
    .set("Content-Length", String(rangeLength(decision.range)))
    .set("Content-Range", contentRange(decision.range, representation.size ?? 0));
  return { decision, representation, head: { status, fields: own, yields: described.yields } };
}

function framing(
  ranges: readonly ByteRange[],
  { size = 0, contentType }: DescribedRepresentation,
): MultipartByteRanges {
  return multipartByteRanges(ranges, { size, contentType, boundary: multipartBoundary() });
}

function decisionFor(
  response: DownloadResponse,
  request: DownloadRequest,
  representation: DescribedRepresentation,
): MaybePromise<Decision> {
  // RFC 9110 §13.2.1: preconditions and ranges are ignored where the answer without them would not be a success.
  if (response.status !== 200) return { kind: "full" };
  const since = modifiedSince(request);
  if (since === undefined) return decide(request, representation);
  const { hooks, file } = response;
  const asked = hooks.wasModifiedSince
    ? hooks.wasModifiedSince(file, since, representation)
    : wasModifiedSince(file, since, representation);
  return whenReady(given(asked), (modified) => decide(request, representation, { modified }));
}

/** What an answer sends of `file`. Whatever can fail with a status fails here. */
async function bodyOf(
  { decision, representation, multipart }: Answer,
  file: OpenFile,
  request: DownloadRequest,
): Promise<ResponseBody> {
  switch (decision.kind) {
    case "full":
      return { kind: "content", file, content: await readyContent(file, undefined, representation.size, request) };
    case "partial": {
      const { range } = decision;
      return { kind: "content", file, content: await readyContent(file, range, rangeLength(range), request) };
    }
    case "multipart": {
      const part = multipart?.parts[0];
      if (!part) return { kind: "none" };
      const first = await readyContent(file, part.range, rangeLength(part.range), request);
      return { kind: "multipart", file, multipart, first, length: multipart.contentLength };
    }
    default:
      return { kind: "none" };
  }
}

async function readyContent(
  file: OpenFile,
  range: ByteRange | undefined,
  length: number | undefined,
  request: DownloadRequest,
): Promise<Content> {
  const content = await file.content(range);
  const promised = length === undefined ? content : ofLength(content, length);
  return promised.kind === "chunks" ? startChunks(promised, request.signal) : promised;
}

function finished({ head }: Pick<Answer, "head">, body: ResponseBody, delivery: Delivery): RenderedResponse {
  return { status: head.status, headers: head.fields.raw, yields: head.yields, body, delivery };
}
