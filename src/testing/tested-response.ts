import { isDownloadError } from "../errors.ts";
import { closeBody, readBody, type RenderedResponse, type ResponseBody } from "../responses/rendered-response.ts";
import {
  isDownloadResponse,
  isProxiedDownloadResponse,
  type DownloadRequest,
  type DownloadResult,
} from "../responses/handler.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { collectBytes } from "../files/byte-reader.ts";
import { toBytes } from "../files/bytes.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { HeaderFields } from "../http/header-fields.ts";

/** What supertest and superagent resolve to. */
export interface SuperagentResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** A `Buffer` for binary types. */
  readonly body: unknown;
  /** What superagent made of a text. */
  readonly text?: string | undefined;
}

/** What light-my-request and Fastify's `inject()` resolve to. */
export interface InjectedResponse {
  readonly statusCode: number;
  readonly headers: object;
  readonly rawPayload: Uint8Array;
}

/** A response in any of the forms that tests have. */
export type TestedResponse = DownloadResult | RenderedResponse | SuperagentResponse | InjectedResponse;

/** The parts of a response that assertions compare. */
export interface ResponseView {
  readonly status: number;
  header(name: string): string | undefined;
  readBody(): Promise<Uint8Array>;
  /** Frees a body that is not read. */
  discardBody?(): Promise<void>;
  /** The error that the response is for. */
  readonly cause?: unknown;
}

/**
 * A common view of `received`. A lazy response is asked as a client would ask it: by GET if its body is to be read, else
 * by HEAD, which opens nothing. An error of a download is the response that an adapter makes of it.
 */
export async function viewResponse(
  received: TestedResponse | PromiseLike<TestedResponse>,
  withBody: boolean,
): Promise<ResponseView> {
  try {
    const response = await received;
    if (isProxiedDownloadResponse(response)) return ofRendered(await renderProxied(response, withBody));
    if (!isDownloadResponse(response)) return viewOf(response);
    return ofRendered(withBody ? await response.render(plainRequest("GET")) : await renderHead(response));
  } catch (cause) {
    if (isDownloadError(cause)) return { ...ofWeb(cause.getResponse()), cause };
    throw cause;
  }
}

// By GET in any case: to a HEAD an application answers by itself behind some servers.
async function renderProxied(response: ProxiedDownloadResponse, withBody: boolean): Promise<RenderedResponse> {
  const rendered = await response.render(plainRequest("GET"));
  if (!withBody) await closeBody(rendered.body);
  return rendered;
}

// HEAD frees a source that can be read once. Here, the test may still read it.
async function renderHead(response: DownloadResponse): Promise<RenderedResponse> {
  const { file } = response;
  response.file = withoutRelease(file);
  try {
    return await response.render(plainRequest("HEAD"));
  } finally {
    response.file = file;
  }
}

function withoutRelease(file: DownloadFile): DownloadFile {
  const { name, path, url } = file;
  return {
    name,
    ...(path === undefined ? {} : { path }),
    ...(url === undefined ? {} : { url }),
    stat: (options) => file.stat(options),
    open: (options) => file.open(options),
  };
}

function plainRequest(method: string): DownloadRequest {
  return { method, url: "http://localhost/", headers: { get: () => null } };
}

function viewOf(response: Exclude<TestedResponse, { kind: string }>): ResponseView {
  if (!isObject(response) || !isObject(response.headers)) {
    throw new TypeError("This is no response: give a Response, a DownloadResponse, or what supertest or inject() gave");
  }
  if ("delivery" in response) return ofRendered(response);
  if ("rawPayload" in response) return ofInjected(response);
  return "clone" in response ? ofWeb(response) : ofSuperagent(response);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function ofRendered({ status, headers, body }: RenderedResponse): ResponseView {
  const fields = new HeaderFields(pairs(headers));
  return {
    status,
    header: (name) => fields.get(name) ?? undefined,
    readBody: () => readRendered(body),
    discardBody: () => closeBody(body),
  };
}

function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at < raw.length; at += 2) yield [raw[at] ?? "", raw[at + 1] ?? ""];
}

async function readRendered(body: ResponseBody): Promise<Uint8Array> {
  if (body.kind === "none") return new Uint8Array();
  try {
    return await collectBytes(readBody(body));
  } finally {
    await closeBody(body);
  }
}

function ofWeb(response: Response): ResponseView {
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    readBody: async () => {
      if (response.bodyUsed) throw new TypeError("The body of this Response has been read already");
      return new Uint8Array(await response.clone().arrayBuffer());
    },
  };
}

function ofInjected({ statusCode, headers, rawPayload }: InjectedResponse): ResponseView {
  return { status: statusCode, header: (name) => fieldOf(headers, name), readBody: async () => rawPayload };
}

function ofSuperagent({ status, headers, body, text }: SuperagentResponse): ResponseView {
  return {
    status,
    header: (name) => fieldOf(headers, name),
    readBody: async () => {
      if (ArrayBuffer.isView(body)) return toBytes(body);
      if (text === undefined) return new Uint8Array();
      // Superagent's decoder puts it in the place of what it can't read: those bytes are lost.
      if (text.includes("\ufffd")) throw new TypeError('Superagent decoded this body; ask for .responseType("blob")');
      return toBytes(text);
    },
  };
}

function fieldOf(headers: object, name: string): string | undefined {
  const value = (headers as Record<string, string | number | readonly string[] | undefined>)[name.toLowerCase()];
  return value === undefined ? undefined : [value].flat().join(", ");
}
