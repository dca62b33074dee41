import type { CompletedPart, PutObjectCommandInput, S3Client } from "@aws-sdk/client-s3";
import { contentParts, type ContentPart } from "../object-store/upload-content.ts";
import type { PutOptions, StoreFailure } from "../object-store/object-store.ts";

/** Which object, and what each request for it says beside that. */
export interface ObjectAddress extends Pick<
  PutObjectCommandInput,
  "RequestPayer" | "ExpectedBucketOwner" | "SSECustomerAlgorithm" | "SSECustomerKey"
> {
  readonly Bucket: string;
  readonly Key: string;
}

/** Uploads content in one request, or in as many parts as it has, which become an object only when all are there. */
export async function uploadToS3(
  client: S3Client,
  address: ObjectAddress,
  content: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  const upload = new Upload(client, address, options);
  try {
    for await (const part of contentParts(content)) await upload.add(part);
  } catch (error) {
    await upload.abort();
    throw error;
  }
}

class Upload {
  readonly #client: S3Client;
  readonly #address: ObjectAddress;
  readonly #options: PutOptions;
  readonly #parts: CompletedPart[] = [];
  #id: string | undefined;

  constructor(client: S3Client, address: ObjectAddress, options: PutOptions) {
    this.#client = client;
    this.#address = address;
    this.#options = options;
  }

  async add(part: ContentPart): Promise<void> {
    if (part.isLast && part.number === 0) return this.#putWhole(part.bytes);
    this.#id ??= await this.#create();
    await this.#uploadPart(this.#id, part);
    if (part.isLast) await this.#complete(this.#id);
  }

  /** Frees the parts that are there already: they would be kept, and paid for, without being seen. */
  async abort(): Promise<void> {
    if (this.#id === undefined) return;
    const { AbortMultipartUploadCommand } = await import("@aws-sdk/client-s3");
    const command = new AbortMultipartUploadCommand({ ...this.#address, UploadId: this.#id });
    // What the upload failed with says more than that it could not be tidied up.
    await this.#client.send(command).catch(() => undefined);
  }

  async #putWhole(bytes: Uint8Array): Promise<void> {
    const { PutObjectCommand } = await import("@aws-sdk/client-s3");
    const { contentType: ContentType } = this.#options;
    const checksums = (await this.#checksums()) ? ({ ChecksumAlgorithm: "CRC32" } as const) : {};
    const input = { ...this.#address, ContentType, Body: bytes, ...checksums };
    await this.#conditionally((condition) =>
      this.#client.send(new PutObjectCommand({ ...input, ...condition }), this.#send()),
    );
  }

  async #create(): Promise<string | undefined> {
    const { CreateMultipartUploadCommand } = await import("@aws-sdk/client-s3");
    const command = new CreateMultipartUploadCommand({
      ...this.#address,
      ContentType: this.#options.contentType,
      ...((await this.#checksums()) && { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" }),
    });
    return (await this.#client.send(command, this.#send())).UploadId;
  }

  async #uploadPart(UploadId: string | undefined, { number, bytes }: ContentPart): Promise<void> {
    const { UploadPartCommand } = await import("@aws-sdk/client-s3");
    // Parts count from one.
    const input = { ...this.#address, UploadId, PartNumber: number + 1, Body: bytes, ...(await this.#part()) };
    const { $metadata: _, ...part } = await this.#client.send(new UploadPartCommand(input), this.#send());
    this.#parts.push({ ...part, PartNumber: number + 1 });
  }

  async #complete(UploadId: string | undefined): Promise<void> {
    const { CompleteMultipartUploadCommand } = await import("@aws-sdk/client-s3");
    const checksums = (await this.#checksums()) ? ({ ChecksumType: "FULL_OBJECT" } as const) : {};
    const input = { ...this.#address, UploadId, MultipartUpload: { Parts: this.#parts }, ...checksums };
    await this.#conditionally((condition) =>
      this.#client.send(new CompleteMultipartUploadCommand({ ...input, ...condition }), this.#send()),
    );
  }

  // Swift knows no conditional writes, and says so. That there was no such object a moment ago has to do for it.
  async #conditionally(send: (condition: { IfNoneMatch?: "*" }) => Promise<unknown>): Promise<void> {
    if (!this.#options.exclusive) return void (await send({}));
    try {
      await send({ IfNoneMatch: "*" });
    } catch (error) {
      if (s3Failure(error).status !== 501) throw error;
      await send({});
    }
  }

  async #part(): Promise<{ ChecksumAlgorithm?: "CRC32" }> {
    return (await this.#checksums()) ? { ChecksumAlgorithm: "CRC32" } : {};
  }

  // A store other than S3 may know no checksums, and the client says so: `requestChecksumCalculation: "WHEN_REQUIRED"`.
  async #checksums(): Promise<boolean> {
    return (await this.#client.config.requestChecksumCalculation()) === "WHEN_SUPPORTED";
  }

  #send(): { abortSignal?: AbortSignal } {
    const { signal } = this.#options;
    return signal ? { abortSignal: signal } : {};
  }
}

interface S3Error {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

export function s3Failure(error: unknown): StoreFailure {
  const { name, code, $metadata, $response } = (error ?? {}) as S3Error;
  return {
    status: $metadata?.httpStatusCode,
    code: code ?? name,
    retryAfter: $response?.headers?.["retry-after"],
  };
}
