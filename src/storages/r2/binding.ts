/**
 * The part of a Cloudflare R2 binding that is used, as `@cloudflare/workers-types` has it.
 * @see https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */
export interface R2BucketBinding {
  head(key: string): Promise<R2ObjectHead | null>;
  /** Without a `body` if a condition does not hold. */
  get(key: string, options: R2GetInit): Promise<(R2ObjectHead & Partial<R2ObjectContent>) | null>;
  /** Null if a condition does not hold. */
  put(key: string, value: Uint8Array, options: R2PutInit): Promise<unknown>;
  delete(key: string): Promise<void>;
  list(options: R2ListInit): Promise<R2Listing>;
  createMultipartUpload(key: string, options: Pick<R2PutInit, "httpMetadata">): Promise<R2Upload>;
}

export interface R2GetInit {
  range?: { offset: number; length?: number } | { suffix: number };
  onlyIf?: { etagMatches?: string; etagDoesNotMatch?: string };
}

export interface R2PutInit {
  httpMetadata?: { contentType?: string };
  onlyIf?: { etagDoesNotMatch?: string };
}

export interface R2ListInit {
  prefix?: string;
  cursor?: string;
}

export interface R2ObjectHead {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly uploaded: Date;
  readonly httpMetadata?: { readonly contentType?: string | undefined; readonly contentEncoding?: string | undefined };
  readonly checksums?: { readonly sha256?: ArrayBuffer | undefined; readonly sha512?: ArrayBuffer | undefined };
}

export interface R2ObjectContent {
  readonly body: ReadableStream<Uint8Array>;
}

export interface R2Listing {
  readonly objects: readonly R2ObjectHead[];
  readonly truncated: boolean;
  readonly cursor?: string;
}

export interface R2Upload {
  uploadPart(number: number, value: Uint8Array): Promise<R2Part>;
  complete(parts: R2Part[]): Promise<unknown>;
  abort(): Promise<void>;
}

export interface R2Part {
  readonly partNumber: number;
  readonly etag: string;
}
