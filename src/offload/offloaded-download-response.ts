import type { FileStat } from "../files/download-file.ts";
import { evaluatePreconditions, ifRangeHolds } from "../http/conditional.ts";
import { isHandOffField } from "../http/hand-off.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DescribedRepresentation } from "../http/head.ts";
import { startDelivery, type Delivery } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { answerTo, followed, renderFollowed, RequestOptions, type RenderOptions } from "../responses/render.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { handedOverTransfer } from "../responses/transfer.ts";
import { renderWebResponse } from "../responses/web-response.ts";
import type { OffloadBackend } from "./contract.ts";
import { UndescribedFile } from "./undescribed-file.ts";

/**
 * A download whose bytes a server sends. The application still decides: it answers 404, 304 and 412 itself, from one
 * look at the file, and hands over a 200 only. Ranges are the server's.
 *
 * Whatever status a later part of the application sets, the fields for the server go with a 200 alone: nginx, Caddy, h2o
 * and lighttpd send the file with any other status too.
 */
export class OffloadedDownloadResponse extends ProxiedDownloadResponse {
  readonly backend: OffloadBackend;
  /** What the application would send. */
  readonly source: DownloadResponse;
  /** What the field would be for another path, that of a variant of the file. Undefined if no rule captures it. */
  locate: ((path: string) => string | undefined) | undefined;
  /** The fields as they were when this response was made. */
  readonly #made: readonly string[];

  /** `fields` are for the server: they never reach a client. */
  constructor(source: DownloadResponse, backend: OffloadBackend, fields: Readonly<Record<string, string>>) {
    super({ headers: source.headers, file: source.file, ...(source.onFinish ? { onFinish: source.onFinish } : {}) });
    this.source = source;
    this.beforeSend = source.beforeSend;
    this.backend = backend;
    for (const [name, value] of Object.entries(fields)) this.headers.set(name, value);
    this.#made = this.headers.toRaw();
  }

  get attachment(): boolean {
    return this.source.attachment;
  }

  getFilename(): string {
    return this.source.getFilename();
  }

  /** @throws {DownloadError} what the file throws when it is described */
  override render(request: DownloadRequest, options: RenderOptions = {}): Promise<RenderedResponse> {
    if (this.status !== 200) return Promise.resolve(this.#refuse(request));
    const source = this.#sourceWithChanges();
    return followed(source, request, (delivery) =>
      isForServer(request, this)
        ? handOver(this, request, delivery, options)
        : stream(this, request, delivery, options),
    );
  }

  #refuse(request: DownloadRequest): RenderedResponse {
    const headers = [...withoutServerFields(this.headers), "Content-Length", "0"];
    const delivery = startDelivery(request, this.file, this.onFinish);
    return { status: this.status, headers, body: { kind: "none" }, delivery };
  }

  // What was changed on this response since it was made holds for the application's own answer as well.
  #sourceWithChanges(): DownloadResponse {
    const { source } = this;
    if (!isSame(this.headers.raw, this.#made)) replaceFields(source.headers, withoutServerFields(this.headers));
    source.onFinish = this.onFinish;
    source.beforeSend = this.beforeSend;
    return source;
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

function replaceFields(headers: HeaderFields, raw: readonly string[]): void {
  const before = Array.from(headers, ([name]) => name);
  for (const name of before) headers.delete(name);
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at]!, raw[at + 1]!);
}

/**
 * Whether a request can be the server's. HEAD is ours: we know all of its answer, where h2o would send a body and the
 * others a part. So is what depends on If-Match and If-Unmodified-Since, which lighttpd ignores and nginx compares with
 * validators of its own. So is any method but GET: Caddy and h2o refuse to send a file for it.
 */
function isForServer({ method, headers }: DownloadRequest, response: OffloadedDownloadResponse): boolean {
  if (!response.headers.has(response.backend.header)) return false;
  if (response.file instanceof UndescribedFile) return true;
  return method === "GET" && headers.get("if-match") === null && headers.get("if-unmodified-since") === null;
}

/** What the application sends after all, through the server. */
function stream(
  { source, backend }: OffloadedDownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  for (const [name, value] of Object.entries(backend.streamed)) source.headers.set(name, value);
  return renderFollowed(source, request, delivery, options);
}

async function handOver(
  response: OffloadedDownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  const { source, backend, headers } = response;
  const stat: FileStat = await source.file.stat(new RequestOptions(request));
  const answering = answerTo(source, withoutRange(request), stat);
  const answer = answering instanceof Promise ? await answering : answering;
  if (answer instanceof Response) return renderWebResponse(answer, delivery);
  const { decision, head, representation } = answer;
  if (decision.kind !== "full") {
    return { status: head.status, headers: head.fields.toRaw(), yields: head.yields, body: { kind: "none" }, delivery };
  }
  const able = serverAgrees(request, representation, backend) && !losesAny(backend, head.fields);
  if (!able || !isLocated(response, stat)) return stream(response, request, delivery, options);
  const fields = fieldsForServer(head.fields, headers, backend);
  await source.beforeSend?.(handedOverTransfer(request, representation));
  delivery.handOver();
  return { status: backend.status, headers: fields, yields: head.yields, body: { kind: "none" }, delivery };
}

/** Names the variant of the file that was negotiated, if there is one. */
function isLocated({ file, headers, backend, locate }: OffloadedDownloadResponse, { path }: FileStat): boolean {
  if (path === undefined || path === file?.path) return true;
  const value = locate?.(path);
  if (value !== undefined) headers.set(backend.header, value);
  return value !== undefined;
}

function withoutRange(request: DownloadRequest): DownloadRequest {
  const { method, url, headers } = request;
  if (headers.get("range") === null) return request;
  return { method, url, headers: { get: (name) => (name.toLowerCase() === "range" ? null : headers.get(name)) } };
}

// A view may say that a file changed which its date says did not. A server looks at the date, and would answer 304.
function serverAgrees(
  request: DownloadRequest,
  representation: DescribedRepresentation,
  { ignoresIfRange }: OffloadBackend,
): boolean {
  if (evaluatePreconditions(request, representation) !== "proceed") return false;
  return !ignoresIfRange || request.headers.get("range") === null || ifRangeHolds(request, representation);
}

function losesAny({ loses }: OffloadBackend, fields: HeaderFields): boolean {
  return loses.some((name) => fields.has(name));
}

interface HandedOver {
  readonly backend: OffloadBackend;
  readonly own: readonly string[];
  readonly fields: readonly string[];
}

/** What was worked out for the head of a file's description, which is the same one as long as the file is. */
const handedOver = new WeakMap<HeaderFields, HandedOver>();

/** `described`, less what this server must not get, and with the fields that are for it. */
function fieldsForServer(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): readonly string[] {
  const known = handedOver.get(described);
  if (known && known.backend === backend && isSame(own.raw, known.own)) return known.fields;
  const fields = deriveFields(described, own, backend);
  handedOver.set(described, { backend, own: own.toRaw(), fields });
  return fields;
}

function deriveFields(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): string[] {
  // A field for the server that the application's own headers hold is among `own` as well.
  const fields = combined(withoutServerFields(described), withheld(backend));
  const raw = own.toRaw();
  for (let at = 0; at < raw.length; at += 2) if (isHandOffField(raw[at]!)) fields.push(raw[at]!, raw[at + 1]!);
  fields.push("Content-Length", "0");
  backend.complete?.(fields);
  return fields;
}

// One line a field, but for cookies: nginx restores a field from its first line only.
function combined(raw: readonly string[], withheld: ReadonlySet<string>): string[] {
  const fields: string[] = [];
  const places = new Map<string, number>();
  for (let at = 0; at < raw.length; at += 2) {
    const key = raw[at]!.toLowerCase();
    if (withheld.has(key)) continue;
    const place = key === "set-cookie" ? undefined : places.get(key);
    if (place === undefined) places.set(key, fields.push(raw[at]!, raw[at + 1]!) - 1);
    else fields[place] += `, ${raw[at + 1]}`;
  }
  return fields;
}

function withheld(backend: OffloadBackend): ReadonlySet<string> {
  let names = withheldFrom.get(backend);
  if (!names) {
    withheldFrom.set(backend, (names = new Set(["content-length", ...backend.omits])));
  }
  return names;
}

const withheldFrom = new WeakMap<OffloadBackend, ReadonlySet<string>>();

function withoutServerFields(headers: HeaderFields): string[] {
  const raw = headers.toRaw();
  return raw.filter((_, at) => !isHandOffField(raw[at - (at % 2)]!));
}
