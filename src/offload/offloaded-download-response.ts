import type { FileStat } from "../files/download-file.ts";
import { evaluatePreconditions, ifRangeHolds } from "../http/conditional.ts";
import { isHandOffField } from "../http/hand-off.ts";
import { HeaderFields } from "../http/header-fields.ts";
import type { DescribedRepresentation } from "../http/head.ts";
import type { Delivery } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { followed, renderFollowed, renderRefusal, type RenderOptions } from "../responses/render.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { handedOverTransfer } from "../responses/transfer.ts";
import type { OffloadBackend } from "./contract.ts";
import { decideHandOver, replaceFields } from "./hand-over.ts";
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
  /** Whether a part is sent whatever If-Range says. Default: what the backend says. */
  ignoresIfRange: boolean;
  /** The fields as they were when this response was made. */
  readonly #made: HeaderFields;

  /** `fields` are for the server: they never reach a client. */
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

  /** @throws {DownloadError} what the file throws when it is described */
  override render(request: DownloadRequest, options: RenderOptions = {}): Promise<RenderedResponse> {
    if (this.status !== 200) return renderRefusal(this, request);
    const source = this.#sourceWithChanges();
    return followed(source, request, (delivery) =>
      isForServer(request, this)
        ? handOver(this, request, delivery, options)
        : stream(this, request, delivery, options),
    );
  }

  // What was changed on this response since it was made holds for the application's own answer as well.
  #sourceWithChanges(): DownloadResponse {
    const { source } = this;
    if (!this.headers.equals(this.#made)) replaceFields(source.headers, withoutHandOffFields(this.headers));
    source.onFinish = this.onFinish;
    source.beforeSend = this.beforeSend;
    return source;
  }
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
  const decided = await decideHandOver(source, request, delivery, { passesRange: true });
  if (decided.kind === "answered") return decided.rendered;
  if (decided.kind === "streamed") return stream(response, request, delivery, options);
  const { head, representation, stat } = decided;
  const able = serverAgrees(request, representation, response) && !losesAny(backend, head.fields);
  if (!able || !isLocated(response, stat)) return stream(response, request, delivery, options);
  const fields = fieldsForServer(head.fields, headers, backend);
  await source.beforeSend?.(handedOverTransfer(request, representation));
  delivery.handOver();
  return { status: backend.status, headers: fields.raw, yields: head.yields, body: { kind: "none" }, delivery };
}

/** Names the variant of the file that was negotiated, if there is one. */
function isLocated({ file, headers, backend, locate }: OffloadedDownloadResponse, { path }: FileStat): boolean {
  if (path === undefined || path === file?.path) return true;
  const value = locate?.(path);
  if (value !== undefined) headers.set(backend.header, value);
  return value !== undefined;
}

// A view may say that a file changed which its date says did not. A server looks at the date, and would answer 304.
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

interface HandedOver {
  readonly backend: OffloadBackend;
  readonly own: HeaderFields;
  readonly fields: HeaderFields;
}

/** What was worked out for the head of a file's description, which is the same one as long as the file is. */
const handedOver = new WeakMap<HeaderFields, HandedOver>();

/** `described`, less what this server must not get, and with the fields that are for it. */
function fieldsForServer(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): HeaderFields {
  const known = handedOver.get(described);
  if (known && known.backend === backend && own.equals(known.own)) return known.fields;
  const fields = deriveFields(described, own, backend);
  handedOver.set(described, { backend, own: new HeaderFields(own), fields });
  return fields;
}

function deriveFields(described: HeaderFields, own: HeaderFields, backend: OffloadBackend): HeaderFields {
  const fields = new HeaderFields();
  const withheld = new Set(["content-length", ...backend.omits]);
  // A field for the server that the application's own headers hold is among `own` as well.
  for (const [name, value] of described) {
    if (!withheld.has(name.toLowerCase()) && !isHandOffField(name)) addOnce(fields, name, value);
  }
  for (const [name, value] of own) if (isHandOffField(name)) fields.append(name, value);
  fields.append("Content-Length", "0");
  backend.complete?.(fields);
  return fields;
}

// One line a field, but for cookies: nginx restores a field from its first line only.
function addOnce(fields: HeaderFields, name: string, value: string): void {
  const before = name.toLowerCase() === "set-cookie" ? null : fields.get(name);
  if (before === null) fields.append(name, value);
  else fields.set(name, `${before}, ${value}`);
}

function withoutHandOffFields(headers: HeaderFields): HeaderFields {
  return new HeaderFields([...headers].filter(([name]) => !isHandOffField(name)));
}
