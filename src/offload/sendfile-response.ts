import { InvalidPathError } from "../errors.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import { withMiddleware, type DownloadHandler } from "../responses/handler.ts";
import type { OffloadBackend } from "./contract.ts";
import type { OffloadRule } from "./rule.ts";
import { smartDownloadMiddleware } from "./smart-download-middleware.ts";
import { sourceNamed, type ServerDownloadOptions } from "./undescribed-file.ts";

export interface SendfileOptions extends ServerDownloadOptions {
  /** The path of the file as the server sees it. It is encoded as the server wants it. */
  filePath: string;
  /** The response to put in the place of, in place of everything that describes one. */
  source?: DownloadResponse;
}

/**
 * What `X-Sendfile` is made of: the response to put it in the place of, and the field.
 * @throws {InvalidPathError} for a path that cannot stand in a header
 */
export function sendfileParts(
  backend: OffloadBackend,
  { filePath, source, ...presentation }: SendfileOptions,
): [source: DownloadResponse, backend: OffloadBackend, fields: Readonly<Record<string, string>>] {
  const encoded = backend.encode(filePath);
  if (encoded === undefined) throw new InvalidPathError();
  return [source ?? sourceNamed(filePath, presentation), backend, { [backend.header]: encoded }];
}

/** A handler whose downloads a server sends, for one rule that holds for this handler alone. */
export function sendfileHandler<C>(
  handler: DownloadHandler<C>,
  rule: Omit<OffloadRule, "backend">,
  backend: OffloadBackend,
): DownloadHandler<C> {
  return withMiddleware(handler, smartDownloadMiddleware({ backend, rules: [rule] }));
}
