import type * as S3 from "@aws-sdk/client-s3";
import type { GetObjectCommandOutput, HeadObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import type * as Presigner from "@aws-sdk/s3-request-presigner";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { NodeStream } from "../files/bytes.ts";
import type { FileStat } from "../files/download-file.ts";
import { contentCoding, parseContentRange, rangeField } from "../files/http-file-answer.ts";
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
import { s3Failure } from "./s3-failure.ts";
import { uploadToS3 } from "./s3-upload.ts";
import type { StorageEntry } from "./storage.ts";
import { endingBy, lasting } from "./url-validity.ts";

/** A bucket of S3, or of what speaks its language. */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  label(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const { HeadObjectCommand } = await sdk();
    const answer = await this.#client.send(new HeadObjectCommand(this.#at(key)), sendOptions(signal));
    return describe(answer, answer.ContentLength);
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const { GetObjectCommand } = await sdk();
    const command = new GetObjectCommand({
      ...this.#at(key),
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
    return uploadToS3(this.#client, this.#at(key), content, options);
  }

  async delete(key: string): Promise<void> {
    const { DeleteObjectCommand } = await sdk();
    await this.#client.send(new DeleteObjectCommand(this.#at(key)));
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    const { paginateListObjectsV2 } = await sdk();
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    for await (const { Contents = [] } of pages) {
      for (const { Key, Size, LastModified } of Contents) {
        if (Key === undefined) continue;
        yield {
          name: Key,
          ...(Size !== undefined && { size: Size }),
          ...(LastModified && { lastModified: LastModified }),
        };
      }
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([sdk(), presigner()]);
    const { from, until } = endingBy(lasting(validity), await this.#credentialsEnd());
    const command = new GetObjectCommand({
      ...this.#at(key),
      ...(contentDisposition !== undefined && { ResponseContentDisposition: contentDisposition }),
      ...(contentType !== undefined && { ResponseContentType: contentType }),
    });
    const expiresIn = (until.getTime() - from.getTime()) / 1000;
    return getSignedUrl(this.#client, command, { expiresIn, signingDate: from });
  }

  // S3 refuses a URL once the session that signed it is over, however long the URL itself would last.
  async #credentialsEnd(): Promise<Date | undefined> {
    const { expiration } = await this.#client.config.credentials();
    return expiration;
  }

  failure(error: unknown): StoreFailure {
    return s3Failure(error);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }
}

// When it is needed: whoever made the client has loaded it already, and this module loads without it.
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
  const { Body, ContentLength = 0, ContentRange, AcceptRanges } = answer;
  const { start = 0, end, size } = parseContentRange(ContentRange ?? "") ?? { size: ContentLength };
  return {
    stat: describe(answer, size),
    body: Body ? objectBody(Body as unknown as NodeStream, ContentLength) : null,
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: AcceptRanges !== "none",
  };
}

function describe(
  { ETag, LastModified, ContentType, ContentEncoding }: HeadObjectCommandOutput | GetObjectCommandOutput,
  size: number | undefined,
): FileStat {
  const contentEncoding = contentCoding(ContentEncoding);
  const contentType = knownType(ContentType);
  return {
    ...(size !== undefined && { size }),
    ...(ETag !== undefined && { etag: ETag }),
    ...(LastModified && { lastModified: LastModified }),
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
  };
}
