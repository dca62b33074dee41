import type * as S3 from "@aws-sdk/client-s3";
import type {
  GetObjectCommandInput,
  GetObjectCommandOutput,
  HeadObjectCommandOutput,
  S3Client,
} from "@aws-sdk/client-s3";
import type * as Presigner from "@aws-sdk/s3-request-presigner";
import { assertChoice } from "../../choice.ts";
import { ImproperlyConfiguredError } from "../../errors.ts";
import type { NodeStream } from "../../files/byte-source.ts";
import type { FileStat } from "../../files/download-file.ts";
import { rangeField } from "../../files/remote/answer.ts";
import { contentCoding } from "../../http/encoding.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import { normalizeEntityTag } from "../../http/etag.ts";
import { checksum, defined, knownType } from "../describe-object.ts";
import { normalizeKey } from "../name.ts";
import { bodyPlace, objectBody } from "../object-store/body.ts";
import type {
  ObjectAnswer,
  ObjectRequest,
  ObjectStore,
  PutOptions,
  StoreUrlOptions,
  StoreFailure,
} from "../object-store/object-store.ts";
import { s3Failure, uploadToS3, type ObjectAddress } from "./upload.ts";
import type { StorageEntry } from "../storage.ts";
import { endingBy, lasting } from "../object-store/url-validity.ts";

export interface S3StoreOptions {
  readonly bucket: string;
  /** The version of the objects to read, sign URLs for and delete: for a storage of one file. Default: the latest. */
  readonly versionId?: string | undefined;
  /** Pays for the requests to a bucket whose owner does not. */
  readonly requestPayer?: "requester" | undefined;
  /** The account that must own the bucket, 12 digits: S3 refuses requests to another owner's bucket. Default: any. */
  readonly expectedBucketOwner?: string | undefined;
  /**
   * The key that S3 encrypts and decrypts objects with and does not keep (SSE-C), of 32 bytes. A browser cannot send it:
   * such a storage has no URLs, and the application sends its files.
   */
  readonly sseCustomer?: { readonly key: string; readonly algorithm?: "AES256" | undefined } | undefined;
}

type Requester = Pick<GetObjectCommandInput, "RequestPayer" | "ExpectedBucketOwner">;

/** A bucket of S3, or of a store with the same API. */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #options: S3StoreOptions;

  constructor(client: S3Client, options: S3StoreOptions) {
    assertChoice(options.requestPayer, ["requester"], "S3Storage: requestPayer");
    this.#client = client;
    this.#options = options;
  }

  exactKey(key: string): string {
    return normalizeKey(key);
  }

  label(key: string): string {
    return `s3://${this.#options.bucket}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const { HeadObjectCommand } = await sdk();
    const answer = await this.#client.send(
      new HeadObjectCommand({ ...this.#read(key), ChecksumMode: "ENABLED" }),
      sendOptions(signal),
    );
    return describe(answer, knownSize(answer.ContentLength), checksumsOf(answer));
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const { GetObjectCommand } = await sdk();
    const command = new GetObjectCommand({
      ...this.#read(key),
      ...(range && { Range: rangeField(range) }),
      ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
      ...(version?.etag !== undefined && { IfMatch: version.etag }),
    });
    try {
      return answerOf(await this.#client.send(command, sendOptions(signal)));
    } catch (error) {
      if (s3Failure(error).status === 416) return undefined;
      throw error;
    }
  }

  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    return uploadToS3(this.#client, { ...this.#at(key), ...this.#encryption() }, content, options);
  }

  async delete(key: string): Promise<void> {
    const { DeleteObjectCommand } = await sdk();
    await this.#client.send(new DeleteObjectCommand({ ...this.#at(key), ...this.#version() }));
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    const { paginateListObjectsV2 } = await sdk();
    const pages = paginateListObjectsV2({ client: this.#client }, { ...this.#bucket(), Prefix: prefix });
    for await (const { Contents = [] } of pages) {
      for (const { Key, Size, LastModified } of Contents) {
        if (Key === undefined) continue;
        yield {
          name: Key,
          ...defined({ size: knownSize(Size), lastModified: knownDate(LastModified) }),
        };
      }
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([sdk(), presigner()]);
    const { from, until } = endingBy(lasting(validity), await this.#credentialsEnd());
    const command = new GetObjectCommand({
      ...this.#read(key),
      ...(contentDisposition !== undefined && { ResponseContentDisposition: contentDisposition }),
      ...(contentType !== undefined && { ResponseContentType: contentType }),
    });
    const expiresIn = (until.getTime() - from.getTime()) / 1000;
    return getSignedUrl(this.#client, command, { expiresIn, signingDate: from });
  }

  // S3 refuses a URL as soon as the session that signed it has expired.
  async #credentialsEnd(): Promise<Date | undefined> {
    const { expiration } = await this.#client.config.credentials();
    return expiration;
  }

  failure(error: unknown): StoreFailure {
    return s3Failure(error);
  }

  #bucket(): { Bucket: string } & Requester {
    const { bucket, requestPayer, expectedBucketOwner } = this.#options;
    return {
      Bucket: bucket,
      ...(requestPayer !== undefined && { RequestPayer: requestPayer }),
      ...(expectedBucketOwner !== undefined && { ExpectedBucketOwner: expectedBucketOwner }),
    };
  }

  #at(key: string): ObjectAddress {
    return { ...this.#bucket(), Key: key };
  }

  #read(key: string): ObjectAddress & { VersionId?: string } {
    return { ...this.#at(key), ...this.#version(), ...this.#encryption() };
  }

  #version(): { VersionId?: string } {
    const { versionId } = this.#options;
    return versionId === undefined ? {} : { VersionId: versionId };
  }

  // The SDK adds the MD5 of the key.
  #encryption(): { SSECustomerAlgorithm?: string; SSECustomerKey?: string } {
    const { sseCustomer } = this.#options;
    if (!sseCustomer) return {};
    return { SSECustomerAlgorithm: sseCustomer.algorithm ?? "AES256", SSECustomerKey: sseCustomer.key };
  }
}

// Imported when it is needed. The SDK is an optional dependency, and the application has loaded it to make the client.
function sdk(): Promise<typeof S3> {
  return import("@aws-sdk/client-s3");
}

/** @throws {ImproperlyConfiguredError} if it is not installed */
async function presigner(): Promise<typeof Presigner> {
  try {
    return await import("@aws-sdk/s3-request-presigner");
  } catch (cause) {
    throw new ImproperlyConfiguredError(
      "S3Storage cannot sign URLs without @aws-sdk/s3-request-presigner: npm install @aws-sdk/s3-request-presigner",
      { cause },
    );
  }
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

function answerOf(answer: GetObjectCommandOutput): ObjectAnswer {
  const { Body, ContentLength, ContentRange, AcceptRanges, $metadata } = answer;
  const { start, end, size, length } = bodyPlace($metadata.httpStatusCode, ContentRange, ContentLength);
  return {
    // For a range, S3 may return the checksum of that part.
    stat: describe(answer, size, end === undefined ? checksumsOf(answer) : {}),
    body: Body ? objectBody(Body as unknown as NodeStream, length) : null,
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: AcceptRanges !== "none",
  };
}

function describe(
  { ETag, LastModified, ContentType, ContentEncoding }: HeadObjectCommandOutput | GetObjectCommandOutput,
  size: number | undefined,
  checksums: Pick<FileStat, "digests" | "crc32">,
): FileStat {
  return defined({
    size,
    etag: normalizeEntityTag(ETag),
    lastModified: knownDate(LastModified),
    contentType: knownType(ContentType),
    contentEncoding: contentCoding(ContentEncoding),
    ...checksums,
  });
}

/** Checksums of whole objects only. A composite checksum is a checksum of the checksums of the parts. */
function checksumsOf({
  ChecksumType,
  ChecksumSHA256,
  ChecksumSHA512,
  ChecksumCRC32,
  ChecksumCRC32C,
}: Partial<HeadObjectCommandOutput>): Pick<FileStat, "digests" | "crc32"> {
  if (ChecksumType !== "FULL_OBJECT") return {};
  const crc32 = checksum(ChecksumCRC32, 4);
  const digests = defined({
    "sha-256": checksum(ChecksumSHA256, 32),
    "sha-512": checksum(ChecksumSHA512, 64),
    crc32c: checksum(ChecksumCRC32C, 4),
  });
  return {
    ...(Object.keys(digests).length > 0 && { digests }),
    ...(crc32 && { crc32: new DataView(crc32.buffer, crc32.byteOffset).getUint32(0) }),
  };
}
