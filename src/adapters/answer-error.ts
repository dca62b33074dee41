import { isDownloadError } from "../errors.ts";

/**
 * The response to an error of a download. A 502, 503 or 504 is passed to `onError`, by default `console.error`, because its
 * response does not tell the cause. A 500 is thrown, like any error of the application's own code.
 */
export function answerError(error: unknown, onError: (error: unknown) => void = console.error): Response {
  if (!isDownloadError(error) || error.status === 500) throw error;
  if (error.status > 500) onError(error);
  return error.getResponse();
}
