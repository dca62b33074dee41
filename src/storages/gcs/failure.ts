import type { StoreFailure } from "../object-store/object-store.ts";

/** What a request for the bytes of an object was answered, in the form of the SDK's own errors. */
export class MediaError extends Error {
  readonly code: number;
  readonly retryAfter: string | undefined;

  constructor(code: number, retryAfter: string | undefined) {
    super(`The store answered ${code}`);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

interface GoogleError {
  readonly code?: number | string;
  readonly status?: number;
  readonly retryAfter?: string | undefined;
  readonly errors?: readonly { readonly reason?: string }[];
  readonly response?: { readonly status?: number };
}

export function gcsFailure(error: unknown): StoreFailure {
  const { code, status, retryAfter, errors, response } = (error ?? {}) as GoogleError;
  return {
    status: [code, status, response?.status].find((value) => typeof value === "number"),
    code: errors?.[0]?.reason ?? (typeof code === "string" ? code : undefined),
    retryAfter,
  };
}
