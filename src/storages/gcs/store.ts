import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bucket, CreateWriteStreamOptions, File, FileMetadata, Storage } from "@google-cloud/storage";
import { untilAborted } from "../../files/abort.ts";
import type { FileStat } from "../../files/download-file.ts";
import { rangeField } from "../../files/remote/answer.ts";
import { contentCoding } from "../../http/encoding.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import { parseHTTPDate } from "../../http/date.ts";
import { checksum, defined, knownType } from "../describe-object.ts";
import { gcsFailure, requestMedia } from "./request.ts";
import { normalizeKey } from "../name.ts";
import { bodyPlace, objectBody } from "../object-store/body.ts";
import { contentParts } from "../object-store/upload-content.ts";
import type {
  ObjectAnswer,
  ObjectRequest,
  ObjectStore,
  PutOptions,
  StoreUrlOptions,
  StoreFailure,
} from "../object-store/object-store.ts";
import type { FileTimes, StorageEntry } from "../storage.ts";
import { lasting } from "../object-store/url-validity.ts";

export interface GCSStoreOptions {
  readonly bucket: string;
  /** The generation of the objects to read, sign URLs for and delete: for a storage of one file. Default: the latest. */
  readonly generation?: string | undefined;
  /** The project that pays for the requests to a bucket whose owner does not. */
  readonly userProject?: string | undefined;
}

/** A bucket of Google Cloud Storage. An object's generation names its bytes, and is its entity tag. */
export class GCSStore implements ObjectStore {
  readonly #client: Storage;
  readonly #bucket: Bucket;
  readonly #options: GCSStoreOptions;

  constructor(client: Storage, options: GCSStoreOptions) {
    const { bucket, userProject } = options;
    this.#client = client;
    this.#options = options;
    this.#bucket = client.bucket(bucket, userProject === undefined ? {} : { userProject });
  }

  exactKey(key: string): string {
    return normalizeKey(key);
  }

  label(key: string): string {
    return `gs://${this.#bucket.name}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const pending = this.#file(key).getMetadata();
    const [metadata] = await (signal ? untilAborted(pending, signal, () => undefined) : pending);
    return describeMetadata(metadata);
  }

  async times(key: string): Promise<FileTimes> {
    const [{ timeCreated, updated }] = await this.#file(key).getMetadata();
    return { created: knownDate(timeCreated), modified: knownDate(updated) };
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const address = {
      bucket: this.#bucket.name,
      key,
      generation: generationOf(version?.etag) ?? this.#options.generation,
      userProject: this.#options.userProject,
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
    return uploadToGCS(this.#bucket.file(key), content, options);
  }

  async delete(key: string): Promise<void> {
    await this.#file(key).delete({ ignoreNotFound: true });
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    const files: AsyncIterable<File> = this.#bucket.getFilesStream({ prefix });
    for await (const { name, metadata } of files) {
      const { size, lastModified } = describeMetadata(metadata);
      yield { name, ...defined({ size, lastModified }) };
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const { private_key } = await this.#client.authClient.getCredentials();
    const { from, until } = lasting(validity, private_key === undefined ? maxForManagedKey : undefined);
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
    const { generation } = this.#options;
    return this.#bucket.file(key, generation === undefined ? {} : { generation });
  }
}

/**
 * In seconds. Without a private key, Google signs, with a key that it rotates: such a signature lasts at most twelve hours
 * (gsutil signurl, `-u`).
 */
const maxForManagedKey = 12 * 3600;

/** Parses the generation in an entity tag that this storage has made. */
function generationOf(etag: string | undefined): string | undefined {
  return /^"(\d+)"$/.exec(etag ?? "")?.[1];
}

function answerOf(message: IncomingMessage): ObjectAnswer {
  const { headers, statusCode } = message;
  const { start, end, size, length } = bodyPlace(statusCode, headers["content-range"], headers["content-length"]);
  return {
    stat: describeAnswer(headers, size),
    body: objectBody(message, length),
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: headers["accept-ranges"] !== "none",
  };
}

function describeAnswer(headers: IncomingHttpHeaders, size: number | undefined): FileStat {
  const hashes = String(headers["x-goog-hash"] ?? "");
  return defined({
    size,
    etag: entityTag(headers["x-goog-generation"]),
    lastModified: parseHTTPDate(headers["last-modified"] ?? ""),
    contentType: knownType(headers["content-type"]),
    contentEncoding: contentCoding(headers["content-encoding"]),
    digests: digestsOf(/\bmd5=([^,]+)/.exec(hashes)?.[1], /\bcrc32c=([^,]+)/.exec(hashes)?.[1]),
  });
}

function describeMetadata(metadata: FileMetadata): FileStat {
  const { size, generation, updated, contentType, contentEncoding, md5Hash, crc32c } = metadata;
  return defined({
    size: knownSize(size),
    etag: entityTag(generation),
    lastModified: wholeSeconds(knownDate(updated)),
    contentType: knownType(contentType),
    contentEncoding: contentCoding(contentEncoding),
    digests: digestsOf(md5Hash, crc32c),
  });
}

/** Digests of the whole object. An object that was composed of others has no MD5. */
function digestsOf(md5: string | undefined, crc32c: string | undefined): FileStat["digests"] {
  const digests = defined({ md5: checksum(md5, 16), crc32c: checksum(crc32c, 4) });
  return Object.keys(digests).length > 0 ? digests : undefined;
}

function entityTag(generation: unknown): string | undefined {
  return typeof generation === "string" || typeof generation === "number" ? `"${generation}"` : undefined;
}

// Last-Modified of a download has whole seconds.
function wholeSeconds(time: Date | undefined): Date | undefined {
  return time && new Date(Math.floor(time.getTime() / 1000) * 1000);
}

/** Uploads content in one request, or in chunks that become an object when the last of them is there. */
async function uploadToGCS(file: File, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
  const parts = contentParts(content);
  const first = await parts.next();
  if (first.done) return;
  const { bytes, isLast } = first.value;
  if (isLast) return file.save(Buffer.from(bytes), { ...writeOptions(options), resumable: false });
  const target = file.createWriteStream({ ...writeOptions(options), resumable: true, chunkSize });
  const { signal } = options;
  await pipeline(Readable.from(rest(bytes, parts), { objectMode: false }), target, signal ? { signal } : {});
}

/** In bytes. The store requires a multiple of 256 KiB. */
const chunkSize = 8 * 1024 * 1024;

async function* rest(
  first: Uint8Array,
  parts: AsyncIterable<{ readonly bytes: Uint8Array }>,
): AsyncGenerator<Uint8Array> {
  yield first;
  for await (const { bytes } of parts) yield bytes;
}

function writeOptions({ contentType, exclusive }: PutOptions): CreateWriteStreamOptions {
  return {
    contentType,
    // Generation 0: the object does not exist.
    ...(exclusive && { preconditionOpts: { ifGenerationMatch: 0 } }),
  };
}
