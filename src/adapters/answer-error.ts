import { isDownloadError } from "../errors.ts";

/** The response of an error that a download ended in. Any other is thrown on: it is the framework's. */
export function answerError(error: unknown): Response {
  if (isDownloadError(error)) return error.getResponse();
  throw error;
}
