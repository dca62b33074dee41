import type { Storage as GoogleStorage } from "@google-cloud/storage";
import { GCSStore, type GCSStoreOptions } from "./store.ts";
import {
  assertBucket,
  assertSubject,
  ObjectStorage,
  type ObjectStorageOptions,
} from "../object-store/object-storage.ts";

export type { ObjectStorage, ObjectStorageOptions };
export type { GCSStoreOptions };

export interface GCSStorageOptions extends ObjectStorageOptions, GCSStoreOptions {}

/**
 * Keeps files in a bucket of Google Cloud Storage. A download is one request, whose body passes through. `url()` is a V4
 * signed URL of a week at most, for which the credentials have to be able to sign.
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from "node:crypto";
 * import { Storage } from "@google-cloud/storage";
 * import { GCSStorage } from "downloadview/gcs";
 *
 * const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
 * const private_key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
 * const client = new Storage({ projectId: "project", credentials: { client_email: "a@b.example", private_key } });
 * const storage = new GCSStorage(client, { bucket: "documents", prefix: "media" });
 * const url = new URL(await storage.url("report.pdf", { expiresIn: 600 }));
 * console.assert(url.pathname === "/documents/media/report.pdf" && url.searchParams.get("X-Goog-Expires") === "600");
 * ```
 */
export class GCSStorage extends ObjectStorage {
  /**
   * @param client A client of `@google-cloud/storage`, which knows the project and the credentials
   * @throws {ImproperlyConfiguredError} without a client or a bucket, or for a prefix that no key can begin with
   */
  constructor(client: GoogleStorage, options: GCSStorageOptions) {
    assertSubject(client, "bucket", "new GCSStorage(client, { bucket })");
    assertBucket(options, "new GCSStorage(client, { bucket })");
    super(new GCSStore(client, options), options);
  }
}
