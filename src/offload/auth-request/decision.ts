import { debug, reasonOf } from "../../diagnostics.ts";
import { isDownloadError, MethodNotAllowedError } from "../../errors.ts";
import type { DownloadFile } from "../../files/download-file.ts";
import { isOffloadField } from "../../http/offload-fields.ts";
import { HeaderFields, sendableFields } from "../../http/header-fields.ts";
import type { DownloadResponse } from "../../responses/download-response.ts";
import {
  isDownloadResponse,
  type DownloadHandler,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../../responses/handler.ts";
import { derivedFrom } from "../../responses/own-response.ts";
import type { ProxiedDownloadResponse } from "../../responses/proxied-download-response.ts";
import { renderResult } from "../../responses/render.ts";
import { announceTransfer, handedOverTransfer } from "../../responses/transfer.ts";
import { replaceFields } from "../offload-decision.ts";
import { refused, type OriginalDownload } from "./original-request.ts";

export type Field = readonly [name: string, value: string];

/** The answer to a proxy's question. */
export interface Decision {
  readonly status: number;
  readonly fields: readonly Field[];
  /** Whether another request with the same key may have it. */
  readonly isLasting: boolean;
}

/** Asks the view. `forStore` returns what the proxy sends to an object store. */
export async function decide<C>(
  view: DownloadHandler<C>,
  original: OriginalDownload,
  params: Readonly<Record<string, string | undefined>> | undefined,
  request: DownloadRequest,
  context: ViewContext<C>,
  forStore: (file: DownloadFile) => Promise<readonly Field[]>,
): Promise<Decision> {
  const { method, url } = original;
  if (method !== "GET" && method !== "HEAD") throw new MethodNotAllowedError(["GET", "HEAD"]);
  if (params === undefined) return { status: 404, fields: [], isLasting: true };
  const { signal } = request;
  const asked = derivedFrom({ method, url, headers: unconditional(request), signal } as DownloadRequest, request);
  const result = await view(asked, { ...context, params });
  const source = sourceOf(result);
  if (!source) return described(result, asked);
  return allowed(source, asked, request, forStore);
}

const decidedByProxy = /^(?:range|if-(?:range|match|none-match|modified-since|unmodified-since))$/i;

/** What the client sent, less what the proxy decides: every part is of the same file. */
function unconditional({ headers }: DownloadRequest): DownloadRequest["headers"] {
  return { get: (name) => (decidedByProxy.test(name) ? null : headers.get(name)) };
}

/** The download that a result is, or that it offloads. A refused one has no source. */
function sourceOf(result: DownloadResult): DownloadResponse | undefined {
  if (result.status >= 400) return undefined;
  if (isDownloadResponse(result)) return result;
  const { source } = result as { source?: unknown };
  if (!isDownloadResponse(source)) return undefined;
  // What wrappers have added to the offloaded response, such as a limit, is about this download all the same.
  const { headers, beforeSend, onFinish } = result as ProxiedDownloadResponse;
  replaceFields(source.headers, new HeaderFields([...headers].filter(([name]) => !isOffloadField(name))));
  return Object.assign(source, { beforeSend, onFinish });
}

async function allowed(
  source: DownloadResponse,
  asked: DownloadRequest,
  request: DownloadRequest,
  forStore: (file: DownloadFile) => Promise<readonly Field[]>,
): Promise<Decision> {
  // Not that of the response: while it is rendered, nothing is sent.
  const { beforeSend, onFinish } = source;
  const rendered = await source.render({ ...asked, method: "HEAD" });
  const { status, delivery } = rendered;
  try {
    const fields = fieldsOf(rendered.headers);
    // As with every offload: the file of a response that is no plain 200 stays where it is.
    if (status < 300 && status !== 200) throw refused(`the view answered ${status}`);
    // Before it counts: a store that can't sign uses up no download.
    const store = status < 300 ? await forStore(source.file) : [];
    const isDownload = status < 400 && asked.method === "GET";
    if (isDownload) {
      const transfer = handedOverTransfer(withRange(asked, request), sizeIn(fields));
      await announceTransfer(beforeSend, transfer, delivery);
    }
    const id = isDownload ? await source.deliveryId?.() : undefined;
    if (status < 400) delivery.handOver();
    delivery.finish(status, 0);
    if (status >= 300) return { status, fields: forClient(fields), isLasting: status < 500 };
    // What is counted or reported has to be asked for each time.
    const isLasting = !beforeSend && !onFinish && store.length === 0;
    const ids: readonly Field[] = id === undefined ? [] : [["X-Download-Id", id]];
    return { status: 204, fields: [...forClient(fields), ...store, ...ids], isLasting };
  } catch (error) {
    delivery.abort(statusOf(error) ?? 500, 0, error);
    throw error;
  }
}

function withRange({ method, url }: DownloadRequest, { headers }: DownloadRequest): DownloadRequest {
  return { method, url, headers };
}

function sizeIn(fields: HeaderFields): { size?: number; etag?: string } {
  const [length, etag] = [fields.get("Content-Length"), fields.get("ETag")];
  return { ...(length !== null && { size: Number(length) }), ...(etag !== null && { etag }) };
}

/** A view's answer that is not a download: a redirect, a refusal, a web `Response`. */
async function described(result: DownloadResult, asked: DownloadRequest): Promise<Decision> {
  const { status, headers, delivery, body } = await renderResult(result, asked);
  if (body.kind === "stream") await body.stream.cancel();
  delivery.finish(status, 0);
  // A page that the view made itself, such as a login form: the proxy would send the file in its place.
  if (status < 300) throw refused(`the view answered ${status} without a download`);
  const fields = forClient(fieldsOf(headers));
  return { status, fields, isLasting: status < 500 && result.status !== 429 };
}

function fieldsOf(raw: readonly string[]): HeaderFields {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return new HeaderFields(pairs);
}

/** The proxy makes these itself, of the file that it sends. */
const madeByProxy =
  /^(?:content-(?:length|range|encoding)|accept-ranges|etag|last-modified|transfer-encoding|connection|date)$/i;

function forClient(fields: HeaderFields): Field[] {
  return [...fields].filter(([name]) => !madeByProxy.test(name) && !isOffloadField(name));
}

/**
 * The decision that an error is.
 * @throws the error, if it is no refusal
 */
export function refusal(error: unknown): Decision {
  const status = statusOf(error);
  if (status === undefined) throw error;
  debug(() => `${status} to a proxy that asked: ${reasonOf(error)}`);
  const headers = (error as { headers?: unknown }).headers;
  const fields =
    typeof headers === "object" && headers !== null ? sendableFields(headers as Record<string, unknown>) : {};
  return { status, fields: Object.entries(fields), isLasting: false };
}

/** Of our own errors, and of those of frameworks and of `http-errors`. */
function statusOf(error: unknown): number | undefined {
  if (isDownloadError(error)) return error.status === 500 ? undefined : error.status;
  const { status, statusCode } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const known = status ?? statusCode;
  return typeof known === "number" && known >= 400 && known < 500 ? known : undefined;
}

const maxDecisions = 10_000;

/** Decisions of the last few seconds, at most 10,000 of them. */
export class Decisions {
  readonly #life: number;
  readonly #kept = new Map<string, { readonly decision: Decision; readonly until: number }>();

  constructor(life: number) {
    this.#life = life;
  }

  find(id: string, now: number): Decision | undefined {
    const found = this.#kept.get(id);
    return found && found.until > now ? found.decision : undefined;
  }

  keep(id: string, decision: Decision, now: number): void {
    this.#kept.delete(id);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= maxDecisions && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(id, { decision, until: now + this.#life });
  }
}
