import {
  ClassSerializerInterceptor,
  NotFoundException,
  StreamableFile,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from "@nestjs/common";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mergeMap, type Observable } from "rxjs";
import { isDownloadError } from "../errors.ts";
import {
  isDownloadResponse,
  isProxiedDownloadResponse,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadResult,
} from "../responses/handler.ts";
import { addMiddleware, namedParams } from "./application.ts";
import { grouped, isNotFound, isResumable, removeFileFields } from "./fields.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { streamResponse, type StreamResponse } from "./node/response-stream.ts";

/**
 * Lets a controller return a `DownloadResponse`, or a view, for which `this.context.native` is the platform's request.
 * Works on Express and Fastify. A missing file is a `NotFoundException`; other errors go to the exception filters as
 * they are. Downloads go through `middleware`, so that one for the whole application captures them all:
 * `app.useGlobalInterceptors(new DownloadInterceptor(...middleware))`.
 *
 * @example
 * ```ts
 * import { Controller, Get, UseInterceptors } from "@nestjs/common";
 * import { download } from "downloadview";
 * import { DownloadInterceptor } from "downloadview/nest";
 *
 * class ReportsController {
 *   report() {
 *     return download("a,b\n", { name: "report.csv" });
 *   }
 * }
 * // With decorators: @Controller("reports"), @UseInterceptors(DownloadInterceptor) and @Get().
 * Controller("reports")(ReportsController);
 * UseInterceptors(DownloadInterceptor)(ReportsController);
 * Get()(ReportsController.prototype, "report", Object.getOwnPropertyDescriptor(ReportsController.prototype, "report")!);
 * console.assert(new ReportsController().report().file.name === "report.csv");
 * ```
 */
export class DownloadInterceptor implements NestInterceptor {
  readonly #middleware: readonly DownloadMiddleware[];

  constructor(...middleware: readonly DownloadMiddleware[]) {
    this.#middleware = middleware;
    keepFromSerializer();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== "http") return next.handle();
    const platform = context.switchToHttp();
    const request: NestRequest = platform.getRequest();
    const response: NestResponse = platform.getResponse();
    addMiddleware(request.raw ?? request, this.#middleware);
    return next.handle().pipe(mergeMap((value) => (isDownload(value) ? answer(value, request, response) : [value])));
  }
}

/** Express's request, or Fastify's with Node's own inside. */
type NestRequest = IncomingMessage & {
  raw?: IncomingMessage;
  ip?: string;
  params?: Record<string, string | string[]>;
  route?: { path?: unknown };
  routeOptions?: { url?: string };
};
type NestResponse = ServerResponse & {
  raw?: ServerResponse;
  code?(status: number): unknown;
  header?(name: string, value: string | string[]): unknown;
};

let isKeptFromSerializer = false;

/**
 * `ClassSerializerInterceptor` makes a plain object of each result that is not a `StreamableFile`. On a controller, it runs
 * before a global `DownloadInterceptor`, and NestJS has no option to exclude a class from it. So its public method
 * `serialize` returns downloads as they are.
 */
function keepFromSerializer(): void {
  if (isKeptFromSerializer) return;
  isKeptFromSerializer = true;
  const { prototype } = ClassSerializerInterceptor;
  const { serialize } = prototype;
  prototype.serialize = function (response, options) {
    return isDownload(response) ? response : serialize.call(this, response, options);
  };
}

type NestDownload = DownloadResult | DownloadHandler<unknown>;

function isDownload(value: unknown): value is NestDownload {
  return typeof value === "function" || isDownloadResponse(value) || isProxiedDownloadResponse(value);
}

async function answer(download: NestDownload, request: NestRequest, response: NestResponse): Promise<StreamableFile> {
  const nodeRequest = request.raw ?? request;
  const downloadRequest = new NodeDownloadRequest(nodeRequest, response.raw ?? response);
  const context = {
    params: namedParams(request.params ?? {}, routeOf(request)),
    native: request,
    clientAddress: () => request.ip,
  };
  try {
    const result = typeof download === "function" ? download(downloadRequest, context) : download;
    const rendered = await streamResponse(result, downloadRequest, nodeRequest, response);
    setHead(rendered, request, response);
    return new DownloadBody(rendered.stream).setErrorHandler(failed);
  } catch (error) {
    removeFileFields(response);
    for (const [name, value] of Object.entries(isDownloadError(error) ? error.headers : {})) {
      setField(response, name, value);
    }
    throw isNotFound(error) ? new NotFoundException(undefined, { cause: error }) : error;
  }
}

function routeOf({ route, routeOptions }: NestRequest): unknown {
  return routeOptions?.url ?? route?.path;
}

function setHead({ status, fields }: StreamResponse, request: NestRequest, response: NestResponse): void {
  if (response.code) response.code(status);
  else response.statusCode = status;
  if (request.raw && isResumable(status, fields)) request.raw.headers["x-no-compression"] ??= "true";
  for (const [name, value] of grouped(fields)) setField(response, name, value);
}

function setField(response: NestResponse, name: string, value: string | string[]): void {
  if (response.raw && response.header) response.header(name, value);
  else if (name.toLowerCase() === "set-cookie") response.appendHeader(name, value);
  else response.setHeader(name, value);
}

/** The body alone. The head is set already; without this, NestJS would set a type for a response that has no body. */
class DownloadBody extends StreamableFile {
  override getHeaders(): ReturnType<StreamableFile["getHeaders"]> {
    return {} as ReturnType<StreamableFile["getHeaders"]>;
  }
}

// If the disk fails at the first byte, NestJS would respond with 400. After the head was sent, the writer closes the connection.
function failed(_error: Error, response: Parameters<StreamableFile["errorHandler"]>[1]): void {
  if (response.destroyed || response.headersSent) return;
  response.statusCode = 500;
  response.send("Internal Server Error");
}
