import type { S3Client } from "@aws-sdk/client-s3";
import {
  assertBucket,
  assertSubject,
  ObjectStorage,
  type ObjectStorageOptions,
} from "../object-store/object-storage.ts";
import { S3Store, type S3StoreOptions } from "./store.ts";

export type { ObjectStorage, ObjectStorageOptions };
export type { S3StoreOptions };

export interface S3StorageOptions extends ObjectStorageOptions, S3StoreOptions {}

/**
 * Keeps files in a bucket of S3, or of what speaks its language: R2, MinIO, Swift and others. A download is one request,
 * whose body passes through; `url()` is presigned, for which `@aws-sdk/s3-request-presigner` is needed, and lasts no
 * longer than the credentials and a week.
 *
 * @example
 * ```ts
 * import { S3Client } from "@aws-sdk/client-s3";
 * import { S3Storage } from "downloadview/s3";
 *
 * const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
 * const client = new S3Client({ region: "eu-central-1", credentials });
 * const storage = new S3Storage(client, { bucket: "documents", prefix: "media" });
 * const url = new URL(await storage.url("report.pdf", { expiresIn: 600 }));
 * console.assert(url.pathname === "/media/report.pdf" && url.searchParams.get("X-Amz-Expires") === "600");
 * ```
 */
export class S3Storage extends ObjectStorage {
  /**
   * @param client A client of `@aws-sdk/client-s3`, which knows the region, the endpoint and the credentials
   * @throws {ImproperlyConfiguredError} without a client or a bucket, or for a prefix that no key can begin with
   */
  constructor(client: S3Client, options: S3StorageOptions) {
    assertSubject(client, "send", "new S3Storage(client, { bucket })");
    assertBucket(options, "new S3Storage(client, { bucket })");
    super(new S3Store(client, options), options);
    if (options.sseCustomer) Object.defineProperty(this, "url", { value: undefined });
  }
}
