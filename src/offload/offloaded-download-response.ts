import type { FileStat } from "../files/download-file.ts";
import { evaluatePreconditions, ifRangeHolds } from "../http/decide.ts";
import { isOffloadField } from "../http/offload-fields.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { DescribedRepresentation } from "../http/head.ts";
import type { Delivery } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { renderDownload, renderFile, renderRefusal, type RenderOptions } from "../responses/render.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { announceTransfer, handedOverTransfer } from "../responses/transfer.ts";
import type { OffloadBackend } from "./contract.ts";
import { decideOffload, replaceFields } from "./offload-decision.ts";
import { UndescribedFile } from "./undescribed-file.ts";

/**
 * A download whose bytes a server sends. The application still decides: it calls `stat` once, answers 404, 304 and 412
 * itself, and offloads a 200 only. The server answers ranges.
 *
 * nginx, Caddy, h2o and lighttpd send the file with any status. If a later part of the application sets another status than
 * 200, the fields for the server are therefore removed.
 */
export class OffloadedDownloadResponse extends ProxiedDownloadResponse {
  readonly backend: OffloadBackend;
  /** The response that the application would send. */
  readonly source: DownloadResponse;
  /** Returns the value of the field for the path of a variant of the file. Undefined if no rule captures that path. */
  locate: ((path: string) => string | undefined) | undefined;
  /** Whether the server ignores If-Range. Default: `ignoresIfRange` of the backend. */
  ignoresIfRange: boolean;
  /** The fields as they were when this response was made. */
  readonly #made: HeaderFields;

  /** @param fields header fields for the server. A client never sees them */
  constructor(source: DownloadResponse, backend: OffloadBackend, fields: Readonly<Record<string, string>>) {
    super({ headers: source.headers, file: source.file, ...(source.onFinish ? { onFinish: source.onFinish } : {}) });
    this.source = source;
    this.beforeSend = source.beforeSend;
    this.backend = backend;
    for (const [name, value] of Object.entries(fields)) this.headers.set(name, value);
    this.ignoresIfRange = backend.ignoresIfRange;
    this.#made = new HeaderFields(this.headers);
  }

  get attachment(): boolean {
    return this.source.attachment;
  }

  getFilename(): string {
    return this.source.getFilename();
  }

  /** @throws {DownloadError} the error of the file's `stat()`, such as a 404 */
  override render(request: DownloadRequest, options: RenderOptions = {}): Promise<RenderedResponse> {
    if (this.status !== 200) return renderRefusal(this, request);
    const source = this.#sourceWithChanges();
    const render = isForServer(request, this) ? offload : stream;
    return renderDownload(source, request, options, (_source, _request, delivery) =>
      render(this, request, delivery, options),
    );
  }

  // If the application answers itself, changes that were made to this response apply as well.
  #sourceWithChanges(): DownloadResponse {
    const { source } = this;
    if (!this.headers.equals(this.#made)) replaceFields(source.headers, withoutOffloadFields(this.headers));
    source.onFinish = this.onFinish;
    source.beforeSend = this.beforeSend;
    return source;
  }
}

/**
 * Whether the server may answer the request. The application answers:
 *
 * - HEAD: to it, h2o would send a body and the other servers a part;
 * - any other method but GET: Caddy and h2o refuse to send a file;
 * - If-Match and If-Unmodified-Since: lighttpd ignores them, and nginx compares them with its own validators.
 */
function isForServer({ method, headers }: DownloadRequest, response: OffloadedDownloadResponse): boolean {
  if (!response.headers.has(response.backend.header)) return false;
  if (response.file instanceof UndescribedFile) return true;
  return method === "GET" && headers.get("if-match") === null && headers.get("if-unmodified-since") === null;
}

/** Sends the file from the application, through the server. */
function stream(
  { source, backend }: OffloadedDownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  for (const [name, value] of Object.entries(backend.streamed)) source.headers.set(name, value);
  return renderFile(source, request, delivery, options);
}

async function offload(
  response: OffloadedDownloadResponse,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  const { source, backend, headers } = response;
  const decided = await decideOffload(source, request, delivery, { passesRange: true });
  if (decided.kind === "answered") return decided.rendered;
  if (decided.kind === "streamed") return stream(response, request, delivery, options);
  const { head, representation, stat } = decided;
  const able = serverAgrees(request, representation, response) && !losesAny(backend, head.fields);
  const canPace = source.pace === undefined || backend.options.includes("limitRate");
  if (!able || !canPace || !isLocated(response, stat)) return stream(response, request, delivery, options);
  const { beforeSend, deliveryId } = source;
  if (beforeSend) await announceTransfer(beforeSend, handedOverTransfer(request, representation), delivery);
  if (source.pace) headers.set("X-Accel-Limit-Rate", String(pacedRate(source.pace(), headers)));
  const id = deliveryId && (await deliveryId());
  if (id !== undefined) headers.set("X-Download-Id", id);
  const fields = fieldsForServer(head.fields, headers, backend);
  delivery.handOver();
  return { status: backend.status, headers: fields.raw, yields: head.yields, body: { kind: "none" }, delivery };
}

/** nginx limits each response on its own: this one gets the share that it has now. */
function pacedRate(share: number, headers: HeaderFields): number {
  const own = Number(headers.get("X-Accel-Limit-Rate")) || Infinity;
  return Math.max(1, Math.floor(Math.min(own, share)));
}

/** Sets the field to the negotiated variant of the file, if there is one. Returns false if no rule captures the variant. */
function isLocated({ file, headers, backend, locate }: OffloadedDownloadResponse, { path }: FileStat): boolean {
  if (path === undefined || path === file?.path) return true;
  const value = locate?.(path);
  if (value !== undefined) headers.set(backend.header, value);
  return value !== undefined;
}

// A view may know that a file changed although its date did not. A server compares the date, and would answer 304.
function serverAgrees(
  request: DownloadRequest,
  representation: DescribedRepresentation,
  { backend: { ownEntityTag }, ignoresIfRange }: OffloadedDownloadResponse,
): boolean {
  if (evaluatePreconditions(request, representation) !== "proceed") return false;
  const isForeignTag = ownEntityTag !== undefined && !ownEntityTag.test(representation.etag ?? "");
  if (isForeignTag && request.headers.get("if-none-match") !== null) return false;
  return !ignoresIfRange || request.headers.get("range") === null || ifRangeHolds(request, representation);
}

function losesAny({ loses }: OffloadBackend, fields: HeaderFields): boolean {
  return loses.some((name) => fields.has(name));
}

interface OffloadedFields {
  readonly backend: OffloadBackend;
  readonly own: HeaderFields;
  readonly fields: HeaderFields;
}

/** The fields by the head that they were derived from: a file has the same head object until it changes. */
const offloadedFields = new WeakMap<HeaderFields, OffloadedFields>();

/** Returns `described` without the fields that this server must not get, and with the fields for the server. */
function fieldsForServer(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): HeaderFields {
  const known = offloadedFields.get(described);
  if (known && known.backend === backend && own.equals(known.own)) return known.fields;
  const fields = deriveFields(described, own, backend);
  offloadedFields.set(described, { backend, own: new HeaderFields(own), fields });
  return fields;
}

function deriveFields(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): HeaderFields {
  const fields = new HeaderFields();
  const withheld = new Set(["content-length", ...backend.omits]);
  // If the application set a field for the server itself, `own` has it as well.
  for (const [name, value] of described) {
    if (!withheld.has(name.toLowerCase()) && !isOffloadField(name)) addOnce(fields, name, value);
  }
  for (const [name, value] of own) if (isOffloadField(name)) fields.append(name, value);
  fields.append("Content-Length", "0");
  backend.complete?.(fields);
  return fields;
}

// Joins all values of a field in one line, except cookies: nginx restores a field from its first line only.
function addOnce(fields: HeaderFields, name: string, value: string): void {
  const before = name.toLowerCase() === "set-cookie" ? null : fields.get(name);
  if (before === null) fields.append(name, value);
  else fields.set(name, `${before}, ${value}`);
}

function withoutOffloadFields(headers: HeaderFields): HeaderFields {
  return new HeaderFields([...headers].filter(([name]) => !isOffloadField(name)));
}
