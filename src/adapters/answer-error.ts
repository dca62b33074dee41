import { isDownloadError } from "../errors.ts";

/** The response of an error that a download ended in. Any other is thrown on, and so is a 500: they are somebody's bugs. */
export function answerError(error: unknown): Response {
  if (isDownloadError(error) && error.status !== 500) return error.getResponse();
  throw error;
}
