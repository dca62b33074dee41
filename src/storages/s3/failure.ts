import type { StoreFailure } from "../object-store/object-store.ts";

interface S3Error {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

export function s3Failure(error: unknown): StoreFailure {
  const { name, code, $metadata, $response } = (error ?? {}) as S3Error;
  return {
    status: $metadata?.httpStatusCode,
    code: code ?? name,
    retryAfter: $response?.headers?.["retry-after"],
  };
}
