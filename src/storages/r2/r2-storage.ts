import {
  assertBucket,
  assertSubject,
  ObjectStorage,
  type ObjectStorageOptions,
} from "../object-store/object-storage.ts";
import type { R2BucketBinding } from "./binding.ts";
import { R2Store } from "./store.ts";

export type { ObjectStorage, ObjectStorageOptions };
export type {
  R2BucketBinding,
  R2GetInit,
  R2ListInit,
  R2Listing,
  R2ObjectContent,
  R2ObjectHead,
  R2Part,
  R2PutInit,
  R2Upload,
} from "./binding.ts";

export interface R2StorageOptions extends ObjectStorageOptions {
  /** The name of the bucket: it tells its files from those of other buckets, in caches and in the log. */
  readonly bucket: string;
}

/**
 * Keeps files in a bucket of Cloudflare R2, by the binding of a Worker. Elsewhere, use `S3Storage`, which R2 understands.
 *
 * A download is one operation of R2, whose body passes through. A file of more than 8 MiB is saved in parts. A binding signs no
 * URLs, so this storage has no `url()`: the Worker sends the files.
 *
 * @example
 * ```ts
 * import { StorageDownloadView } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { R2Storage, type R2BucketBinding } from "downloadview/r2";
 *
 * interface Env {
 *   readonly DOCUMENTS: R2BucketBinding;
 * }
 * const worker = {
 *   fetch(request: Request, env: Env): Promise<Response> {
 *     const storage = new R2Storage(env.DOCUMENTS, { bucket: "documents" });
 *     const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
 *     return toFetchHandler(StorageDownloadView.asView({ storage }))(request, { params: { path } });
 *   },
 * };
 *
 * // In place of a real bucket.
 * const empty = { get: async () => null, head: async () => null } as unknown as R2BucketBinding;
 * const response = await worker.fetch(new Request("https://files.example/a.pdf"), { DOCUMENTS: empty });
 * console.assert(response.status === 404);
 * ```
 */
export class R2Storage extends ObjectStorage {
  /**
   * @param binding The bucket, as `env` of the Worker has it
   * @throws {ImproperlyConfiguredError} without a binding or a name of the bucket, or for a prefix that no key can begin with
   */
  constructor(binding: R2BucketBinding, options: R2StorageOptions) {
    assertSubject(binding, "head", 'new R2Storage(env.DOCUMENTS, { bucket: "documents" })');
    assertBucket(options, 'new R2Storage(env.DOCUMENTS, { bucket: "documents" })');
    super(new R2Store(binding, options.bucket), options);
    Object.defineProperty(this, "url", { value: undefined });
  }
}
