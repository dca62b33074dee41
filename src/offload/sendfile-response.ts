import { InvalidPathError } from "../errors.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import { withMiddleware, type DownloadHandler } from "../responses/handler.ts";
import type { OffloadBackend } from "./contract.ts";
import type { OffloadRule } from "./rule.ts";
import { smartDownloadMiddleware } from "./smart-download-middleware.ts";
import { sourceNamed, type ServerDownloadOptions } from "./undescribed-file.ts";

export interface SendfileOptions extends ServerDownloadOptions {
  /** The path of the file as the server sees it, not encoded. */
  filePath: string;
  /** The response to replace. It is used instead of all options that describe a response. */
  source?: DownloadResponse;
}

/**
 * Returns the constructor arguments of an `X-Sendfile` response.
 * @throws {InvalidPathError} if a header field cannot hold the path
 */
export function sendfileParts(
  backend: OffloadBackend,
  { filePath, source, ...presentation }: SendfileOptions,
): [source: DownloadResponse, backend: OffloadBackend, fields: Readonly<Record<string, string>>] {
  const encoded = backend.encode(filePath);
  if (encoded === undefined) throw new InvalidPathError();
  return [source ?? sourceNamed(filePath, presentation), backend, { [backend.header]: encoded }];
}

/** Wraps a handler so that a server sends its downloads, by one rule that applies to this handler only. */
export function sendfileHandler<C>(
  handler: DownloadHandler<C>,
  rule: Omit<OffloadRule, "backend">,
  backend: OffloadBackend,
): DownloadHandler<C> {
  return withMiddleware(handler, smartDownloadMiddleware({ backend, rules: [rule] }));
}
