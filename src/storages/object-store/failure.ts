import { FileChangedError, FileNotFoundError, isDownloadError, UpstreamError } from "../../errors.ts";
import type { ObjectStore, StoreFailure } from "./object-store.ts";

/**
 * Maps a failure to read an object to a response. `cause` has the object and the error of the SDK, for the log.
 */
export function objectStoreFailure(store: ObjectStore, key: string, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (isDownloadError(error)) return error;
  const failure = store.failure(error);
  const cause = causeOf(store, key, failure, error);
  if (failure.status === 412) return new FileChangedError(undefined, { cause });
  // 403 too: the application's credentials are no concern of the client, and S3 sends it for a missing key if listing is forbidden.
  if (isMissing(failure)) return new FileNotFoundError(undefined, { cause });
  return upstreamError(failure, cause);
}

/** Maps a failure to save or delete an object to a response: never a 404. */
export function objectWriteFailure(store: ObjectStore, key: string, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (isDownloadError(error)) return error;
  const failure = store.failure(error);
  return upstreamError(failure, causeOf(store, key, failure, error));
}

function causeOf(store: ObjectStore, key: string, failure: StoreFailure, error: unknown): Error {
  return new Error(`${store.label(key)}: ${described(failure, error)}`, { cause: error });
}

function upstreamError(failure: StoreFailure, cause: Error): UpstreamError {
  const headers = { "Retry-After": failure.retryAfter ?? defaultRetryAfter };
  return new UpstreamError(statusFor(failure), undefined, { cause, headers });
}

/** Seconds. */
const defaultRetryAfter = "5";

function isMissing({ status }: StoreFailure): boolean {
  return status !== undefined && [401, 403, 404, 410].includes(status);
}

function described({ status, code }: StoreFailure, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return [status, code, message].filter((part) => part !== undefined && part !== "").join(" ");
}

function statusFor({ status, code = "" }: StoreFailure): 502 | 503 | 504 {
  if (status === 429 || status === 503 || /^(?:SlowDown|Throttl|ServerBusy|TooManyRequests)/i.test(code)) return 503;
  if (status === 408 || status === 504 || /^(?:TimeoutError|ETIMEDOUT|RequestTimeout|ESOCKETTIMEDOUT)$/.test(code))
    return 504;
  return 502;
}
