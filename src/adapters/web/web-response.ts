import { isDownloadError } from "../../errors.ts";
import { fieldsFromRaw, type HeaderFields } from "../../http/header-fields.ts";
import { closeBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import {
  isDownloadResponse,
  isProxiedDownloadResponse,
  type DownloadRequest,
  type DownloadResult,
} from "../../responses/handler.ts";
import { renderResult } from "../../responses/render.ts";
import { downloads, isOwnResponse, limitsOf, ownResponses, sendableResponse } from "../../responses/web-response.ts";
import { throughMiddleware } from "../application.ts";
import { pipedFile, serverStream } from "./node-bodies.ts";
import { webBody, type Outgoing } from "./web-body.ts";
import { responseInit, takesPipes } from "./web-runtime.ts";

/** A download as the frameworks that speak `fetch` send it. */
export interface WebDownload {
  readonly status: number;
  readonly fields: HeaderFields;
  readonly body: BodyInit | null;
}

export type Download = Exclude<DownloadResult, Response>;

/**
 * The download that a web response was made from, for middleware that sees web responses: what file it is of, and under
 * which name. `undefined` for any other response, and for a copy of one.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { downloadOf, toResponse } from "downloadview/fetch";
 *
 * const response = await toResponse(download("hello", { name: "hello.txt" }), new Request("http://localhost/"));
 * console.assert(downloadOf(response)?.file?.name === "hello.txt");
 * ```
 */
export function downloadOf(response: Response): Download | undefined {
  return downloads.get(response);
}

export interface WebResponseOptions {
  /** What stands for the request in {@link addMiddleware}. By default the request itself. */
  readonly scope?: object;
  readonly Response?: typeof Response;
  /** The fields to send, beside what the framework has already. By default those of the download. */
  readonly fieldsOf?: (rendered: RenderedHead) => HeaderFields;
  /** The server's own response, where there is one. */
  readonly outgoing?: Outgoing | undefined;
}

/** What is to be sent before the body. */
export type RenderedHead = Pick<RenderedResponse, "status" | "headers" | "yields">;

/**
 * The web response of a result, once the application's middleware has seen it.
 * @throws {DownloadError} also for a source that fails at its first byte
 */
export async function webResponse(
  result: DownloadResult | Promise<DownloadResult>,
  request: DownloadRequest,
  { scope = request, fieldsOf, outgoing, Response: ResponseClass = Response }: WebResponseOptions = {},
): Promise<Response> {
  try {
    const final = await throughMiddleware(result, request, scope);
    if (!isDownload(final)) return await plainResponse(final, request, outgoing);
    const options = { pipes: takesPipes(ResponseClass), outgoing, ...(fieldsOf ? { fieldsOf } : {}) };
    const { status, fields, body } = await webDownload(final, request, options);
    const response = new ResponseClass(body, { ...responseInit, status, headers: headersInit(fields) });
    downloads.set(response, final);
    return response;
  } catch (error) {
    if (hasLeft(request, error)) return new Response(null, { status: clientClosedRequest });
    throw error;
  }
}

/** A web response that a view made itself. If it is limited, its body is sent like that of a download. */
export async function plainResponse(
  response: Response,
  request: DownloadRequest,
  outgoing?: Outgoing,
): Promise<Response> {
  const sendable = sendableResponse(response, request);
  if (limitsOf(sendable) === undefined) return sendable;
  const rendered = await renderResult(sendable, request);
  const { status, statusText } = sendable;
  const headers = headersInit(fieldsFromRaw(rendered.headers));
  const own = new Response(webBody(rendered, { request, outgoing }), { status, statusText, headers });
  if (isOwnResponse(sendable)) ownResponses.add(own);
  return own;
}

/** nginx's status for a client that left before there was a response. Logs show it, and no client. */
export const clientClosedRequest = 499;

/** Whether a download failed because its client left, which is not an error of the server. */
export function hasLeft({ signal }: DownloadRequest, error: unknown): boolean {
  return signal?.aborted === true && (!isDownloadError(error) || error.status > 500);
}

export interface WebDownloadOptions extends Pick<WebResponseOptions, "fieldsOf" | "outgoing"> {
  /** Whether the server runs on Node and takes a body that is piped to its response. */
  readonly pipes?: boolean;
}

/** What {@link webResponse} is made of. */
export async function webDownload(
  result: Download,
  request: DownloadRequest,
  { fieldsOf = ownFields, outgoing, pipes = false }: WebDownloadOptions = {},
): Promise<WebDownload> {
  const rendered = await renderResult(result, request, { lazy: true });
  const { status } = rendered;
  let fields: HeaderFields;
  try {
    fields = fieldsOf(rendered);
  } catch (error) {
    await closeBody(rendered.body);
    rendered.delivery.abort(status, 0, error);
    throw error;
  }
  // Most bodies are neither, and wait for nothing.
  const piped = pipes ? pipedFile(rendered, outgoing) : undefined;
  if (piped) return { status, fields, body: await piped };
  const streamed = serverStream(rendered, outgoing);
  const makeStream = streamed && (await streamed);
  return { status, fields, body: webBody(rendered, { request, outgoing, makeStream }) };
}

function ownFields({ headers }: RenderedHead): HeaderFields {
  return fieldsFromRaw(headers);
}

/** An object, which servers read fastest, unless a name comes twice. */
function headersInit(fields: HeaderFields): Record<string, string> | [string, string][] {
  const { raw } = fields;
  const headers: Record<string, string> = {};
  for (let at = 0; at < raw.length; at += 2) headers[raw[at] ?? ""] = raw[at + 1] ?? "";
  return Object.keys(headers).length * 2 === raw.length ? headers : [...fields];
}

/** Whether a result has a file or a proxy behind it; anything else is a web response already. */
export function isDownload(result: DownloadResult): result is Download {
  return isDownloadResponse(result) || isProxiedDownloadResponse(result);
}
