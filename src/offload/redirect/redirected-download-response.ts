import { unwrap } from "../../files/described-file.ts";
import type { FileStat } from "../../files/download-file.ts";
import { ifRangeHolds } from "../../http/decide.ts";
import { HeaderFields } from "../../http/header-fields.ts";
import type { DescribedRepresentation } from "../../http/head.ts";
import type { Delivery } from "../../responses/delivery.ts";
import type { DownloadResponse } from "../../responses/download-response.ts";
import type { DownloadRequest } from "../../responses/handler.ts";
import { ProxiedDownloadResponse } from "../../responses/proxied-download-response.ts";
import { renderDownload, renderFile, renderRefusal, type RenderOptions } from "../../responses/render.ts";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { announceTransfer, handedOverTransfer } from "../../responses/transfer.ts";
import { privateCacheControl } from "../../http/cache-control.ts";
import { signedUntil, urlValidity } from "../../storages/object-store/url-validity.ts";
import { decideOffload, replaceFields } from "../offload-decision.ts";
import type { RedirectOptions } from "./index.ts";

/** A download that redirects the client to the store, if the store can send it as the application would. */
export class RedirectedDownloadResponse extends ProxiedDownloadResponse {
  /** The response that the application would send. */
  readonly source: DownloadResponse;
  readonly #options: Required<RedirectOptions>;

  constructor(source: DownloadResponse, options: Required<RedirectOptions>) {
    super({
      status: 302,
      headers: source.headers,
      file: source.file,
      ...(source.onFinish && { onFinish: source.onFinish }),
    });
    this.source = source;
    this.beforeSend = source.beforeSend;
    this.#options = options;
  }

  /** @throws {DownloadError} the error of the file's `stat()`, such as a 404 */
  override render(request: DownloadRequest, options: RenderOptions = {}): Promise<RenderedResponse> {
    // A later part of the application refused it.
    if (this.status >= 400) return renderRefusal(this, request);
    const source = this.#sourceWithChanges();
    if (request.method !== "GET") return renderDownload(source, request, options);
    return renderDownload(source, request, options, (_source, _request, delivery) =>
      redirect(source, this.#options, request, delivery, options),
    );
  }

  // If the application answers itself, changes that were made to this response apply as well.
  #sourceWithChanges(): DownloadResponse {
    replaceFields(this.source.headers, this.headers);
    this.source.onFinish = this.onFinish;
    this.source.beforeSend = this.beforeSend;
    return this.source;
  }
}

async function redirect(
  source: DownloadResponse,
  { expiresIn, url: urlOf, when }: Required<RedirectOptions>,
  request: DownloadRequest,
  delivery: Delivery,
  options: RenderOptions,
): Promise<RenderedResponse> {
  // When the client follows the redirect, it sends the same Range and If-Range to the store.
  const decided = await decideOffload(source, request, delivery, { passesRange: false });
  if (decided.kind === "answered") return decided.rendered;
  if (decided.kind === "streamed") return renderFile(source, request, delivery, options);
  const { head, representation, stat } = decided;
  const { size, contentType } = representation;
  // Several stores ignore If-Range: to a stale one, they would answer with a part of the new object.
  const isStale = request.headers.get("range") !== null && !ifRangeHolds(request, representation);
  if (
    isStale ||
    !storeAgrees(head.fields, representation, stat) ||
    !(await when({ file: source.file, size, contentType, request }))
  ) {
    return renderFile(source, request, delivery, options);
  }
  // Computed before the URL is made, so that the URL lives at least as long. If the store signs for less, the URL says so.
  const asked = urlValidity(expiresIn).until.getTime();
  const url = await urlOf(unwrap(source.file), urlOptions(expiresIn, head.fields, representation));
  if (url === undefined || !isAbsolute(url)) return renderFile(source, request, delivery, options);
  const until = Math.min(asked, signedUntil(url)?.getTime() ?? Infinity);
  const secondsLeft = (until - Date.now()) / 1000;
  const headers = redirectFields(
    head.fields,
    cacheControlOf(source),
    url,
    Math.max(0, Math.floor(secondsLeft - expiresIn * startingShare)),
  );
  await announceTransfer(source.beforeSend, handedOverTransfer(request, representation, "redirected"), delivery);
  delivery.handOver();
  return { status: 302, headers: headers.toRaw(), yields: head.yields, body: { kind: "none" }, delivery };
}

/** The share of a URL's life that is left when a cached redirect goes stale: the client begins the download in it. */
const startingShare = 0.1;

/** Whether the store can send the same bytes with the same meaning: a URL can't set a policy or a content coding. */
function storeAgrees(fields: HeaderFields, representation: DescribedRepresentation, stat: FileStat): boolean {
  return !fields.has("Content-Security-Policy") && representation.contentEncoding === stat.contentEncoding;
}

function urlOptions(expiresIn: number, fields: HeaderFields, { contentType }: DescribedRepresentation) {
  const contentDisposition = fields.get("Content-Disposition");
  return { expiresIn, contentType, ...(contentDisposition !== null && { contentDisposition }) };
}

// A local storage has URLs of this site. They lead back to this view, or to the file without the view's checks.
function isAbsolute(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

/** The application's Cache-Control. The package's default describes the bytes: a redirect may be cached while its URL works. */
function cacheControlOf({ headers }: DownloadResponse): string | null {
  return headers.defaults.includes("Cache-Control") ? null : headers.get("Cache-Control");
}

function redirectFields(
  described: HeaderFields,
  cacheControl: string | null,
  url: string,
  maxAge: number,
): HeaderFields {
  const fields = new HeaderFields([...described].filter(([name]) => !ofRepresentation.test(name)));
  fields.set("Location", url);
  fields.set("Content-Length", "0");
  fields.set("Cache-Control", privateCacheControl(cacheControl, maxAge));
  // The URL of the page may reveal something to the store.
  fields.set("Referrer-Policy", "no-referrer");
  return fields;
}

const ofRepresentation =
  /^(?:content-.*|etag|last-modified|accept-ranges|repr-digest|expires|x-content-type-options)$/i;
