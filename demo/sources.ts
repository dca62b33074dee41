import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  HTTPFile,
  ObjectDownloadView,
  StorageFile,
  VirtualFile,
  type DownloadFile,
  type DownloadHandler,
} from "downloadview";
import { S3Storage } from "downloadview/s3";
import type { Document, Library } from "./library.ts";
import { userOf } from "./visitors.ts";

/** Where the same document can be served from, as the page calls it. */
export const sources = {
  disk: "this disk",
  memory: "memory",
  s3: "an object store (S3)",
  remote: "another server",
} as const;

/**
 * One view for files of four kinds: names, ranges, ETags and previews are the same for all.
 *
 * @param remote Host and port of the second server, which has the same files, also as a bucket of S3
 */
export function sourceViews(
  { documentsOf, storage, filesDir }: Library,
  remote: string,
): Record<string, DownloadHandler> {
  let bucket: Promise<S3Storage> | undefined;

  const view = (fileOf: (document: Document) => DownloadFile | Promise<DownloadFile>): DownloadHandler =>
    ObjectDownloadView.asView({
      filenameField: "filename",
      getQueryset() {
        return documentsOf(userOf(this.request));
      },
      async getFile() {
        this.object = await this.getObject();
        return fileOf(this.object as Document);
      },
    });

  return {
    "/from/disk/:slug": view(({ file }) => new StorageFile(storage, file)),
    "/from/memory/:slug": view(
      async ({ file, createdAt }) =>
        new VirtualFile(await readFile(join(filesDir, file)), { name: file, lastModified: createdAt }),
    ),
    "/from/s3/:slug": view(async ({ file }) => new StorageFile(await (bucket ??= openBucket(remote)), file)),
    "/from/remote/:slug": view(
      ({ file }) => new HTTPFile(`http://${remote}/files/${file}`, { allowedHosts: [remote] }),
    ),
  };
}

/** The SDK of S3 takes longer to load than the whole demo: only who asks for it waits. */
async function openBucket(host: string): Promise<S3Storage> {
  const { S3Client } = await import("@aws-sdk/client-s3");
  const credentials = { accessKeyId: "demo", secretAccessKey: "demo" };
  const client = new S3Client({ region: "demo", endpoint: `http://${host}`, forcePathStyle: true, credentials });
  return new S3Storage(client, { bucket: "files" });
}
