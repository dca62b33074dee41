import type { StoreFailure } from "../object-store/object-store.ts";

/** What the SDK's `RestError` has. */
interface AzureError {
  readonly name?: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
}

export function azureFailure(error: unknown): StoreFailure {
  const { name, code, statusCode, response } = (error ?? {}) as AzureError;
  return { status: statusCode, code: code ?? name, retryAfter: response?.headers?.get("retry-after") };
}
