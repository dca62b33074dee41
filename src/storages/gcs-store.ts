import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Bucket, File, FileMetadata, Storage } from "@google-cloud/storage";
import { untilAborted } from "../files/bytes-abort.ts";
import type { FileStat } from "../files/download-file.ts";
import { contentCoding, parseContentRange, rangeField } from "../files/http-file-answer.ts";
import { parseHttpDate } from "../http/date.ts";
import { gcsFailure } from "./gcs-failure.ts";
import { requestMedia } from "./gcs-request.ts";
import { uploadToGcs } from "./gcs-upload.ts";
import { objectBody } from "./object-body.ts";
import type {
  ObjectAnswer,
  ObjectRequest,
  ObjectStore,
  PutOptions,
  StoreUrlOptions,
  StoreFailure,
} from "./object-store.ts";
import { knownType } from "./object-type.ts";
import type { StorageEntry } from "./storage.ts";
import { lasting } from "./url-validity.ts";

/** A bucket of Google Cloud Storage. An object's generation names its bytes, and is its entity tag. */
export class GcsStore implements ObjectStore {
  readonly #client: Storage;
  readonly #bucket: Bucket;

  constructor(client: Storage, bucket: string) {
    this.#client = client;
    this.#bucket = client.bucket(bucket);
  }

  label(key: string): string {
    return `gs://${this.#bucket.name}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const pending = this.#file(key).getMetadata();
    const [metadata] = await (signal ? untilAborted(pending, signal, () => undefined) : pending);
    return describeMetadata(metadata);
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const address = {
      bucket: this.#bucket.name,
      key,
      generation: generationOf(version?.etag),
      notGeneration: generationOf(ifNoneMatch),
    };
    try {
      return answerOf(await requestMedia(this.#client, address, range ? { Range: rangeField(range) } : {}, signal));
    } catch (error) {
      if (gcsFailure(error).status === 416) return undefined;
      throw error;
    }
  }

  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    return uploadToGcs(this.#file(key), content, options);
  }

  async delete(key: string): Promise<void> {
    await this.#file(key).delete({ ignoreNotFound: true });
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    const files: AsyncIterable<File> = this.#bucket.getFilesStream({ prefix });
    for await (const { name, metadata } of files) {
      const { size, lastModified } = describeMetadata(metadata);
      yield { name, ...(size !== undefined && { size }), ...(lastModified && { lastModified }) };
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const { private_key } = await this.#client.authClient.getCredentials();
    const { from, until } = lasting(validity, private_key === undefined ? longestForManagedKey : undefined);
    const [url] = await this.#file(key).getSignedUrl({
      version: "v4",
      action: "read",
      accessibleAt: from,
      expires: until,
      ...(contentDisposition !== undefined && { responseDisposition: contentDisposition }),
      ...(contentType !== undefined && { responseType: contentType }),
    });
    return url;
  }

  failure(error: unknown): StoreFailure {
    return gcsFailure(error);
  }

  #file(key: string): File {
    return this.#bucket.file(key);
  }
}

/**
 * Seconds. Without a private key the SDK has Google sign, with a key that Google rotates: such a signature is good for
 * twelve hours at most (gsutil signurl, `-u`).
 */
const longestForManagedKey = 12 * 3600;

/** The generation in an entity tag of ours. */
function generationOf(etag: string | undefined): string | undefined {
  return /^"(\d+)"$/.exec(etag ?? "")?.[1];
}

function answerOf(message: IncomingMessage): ObjectAnswer {
  const { headers } = message;
  const length = numberOf(headers["content-length"]);
  const { start = 0, end, size } = parseContentRange(headers["content-range"] ?? "") ?? { size: length };
  return {
    stat: describeAnswer(headers, size),
    body: objectBody(message, length ?? Infinity),
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: headers["accept-ranges"] !== "none",
  };
}

function describeAnswer(headers: IncomingHttpHeaders, size: number | undefined): FileStat {
  const generation = headers["x-goog-generation"];
  return fileStat({
    size,
    generation: Array.isArray(generation) ? generation[0] : generation,
    lastModified: parseHttpDate(headers["last-modified"] ?? ""),
    contentType: knownType(headers["content-type"]),
    contentEncoding: contentCoding(headers["content-encoding"]),
  });
}

function describeMetadata(metadata: FileMetadata): FileStat {
  const { size, generation, updated, contentType, contentEncoding } = metadata;
  return fileStat({
    size: numberOf(size),
    generation: generation === undefined ? undefined : String(generation),
    lastModified: updated === undefined ? undefined : wholeSeconds(updated),
    contentType: knownType(contentType),
    contentEncoding: contentCoding(contentEncoding),
  });
}

interface Description {
  readonly size: number | undefined;
  readonly generation: string | undefined;
  readonly lastModified: Date | undefined;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

function fileStat({ size, generation, lastModified, contentType, contentEncoding }: Description): FileStat {
  return {
    ...(size !== undefined && { size }),
    ...(generation !== undefined && { etag: `"${generation}"` }),
    ...(lastModified && { lastModified }),
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
  };
}

// As in the Last-Modified of a download, which has no fractions.
function wholeSeconds(time: string): Date {
  return new Date(Math.floor(Date.parse(time) / 1000) * 1000);
}

function numberOf(value: string | number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
