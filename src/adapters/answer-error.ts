import { isDownloadError } from "../errors.ts";

/**
 * The response of an error that a download ended in. A 502, 503 or 504 is reported to `onError`, by default on the
 * console: its response says nothing of the cause. A 500 is thrown on, like any error of the application's own code.
 */
export function answerError(error: unknown, onError: (error: unknown) => void = console.error): Response {
  if (!isDownloadError(error) || error.status === 500) throw error;
  if (error.status > 500) onError(error);
  return error.getResponse();
}
