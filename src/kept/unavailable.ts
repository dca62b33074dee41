import { DownloadError } from "../errors.ts";

/** When a client that could not be served is to ask again, in seconds. */
export const retryAfter = 2;

/** The error for a client that would have to wait too long. */
export function stillMaking(): DownloadError {
  return unavailable("The file is being made");
}

/** The error for all who wait for a file whose original sends nothing for too long. */
export function originalStalled(): DownloadError {
  return unavailable("The file took too long to be made");
}

function unavailable(message: string): DownloadError {
  return new DownloadError(503, message, { headers: { "Retry-After": String(retryAfter) } });
}
