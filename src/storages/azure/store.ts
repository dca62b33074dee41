import type * as Azure from "@azure/storage-blob";
import type {
  BlobClient,
  BlobDownloadResponseParsed,
  BlobGetPropertiesResponse,
  BlockBlobClient,
  BlockBlobUploadOptions,
  ContainerClient,
  CpkInfo,
} from "@azure/storage-blob";
import { InvalidPathError } from "../../errors.ts";
import type { FileStat } from "../../files/download-file.ts";
import { contentCoding } from "../../http/encoding.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import { normalizeEntityTag } from "../../http/etag.ts";
import type { RangeSpec } from "../../http/range.ts";
import type { AzureDelegationKeys } from "./delegation-key.ts";
import { defined, knownType } from "../describe-object.ts";
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
import { endingBy } from "../object-store/url-validity.ts";

export interface AzureStoreOptions {
  /** The version of the blobs to read, sign URLs for and delete: for a storage of one file. Default: the latest. */
  readonly versionId?: string | undefined;
  /**
   * The key that Azure encrypts and decrypts blobs with and does not keep. A browser cannot send it: such a storage has no
   * URLs, and the application sends its files. Default: none.
   */
  readonly customerProvidedKey?: CpkInfo | undefined;
}

/** A container of Azure Blob Storage. */
export class AzureStore implements ObjectStore {
  readonly #container: ContainerClient;
  readonly #delegationKeys: AzureDelegationKeys | undefined;
  readonly #options: AzureStoreOptions;

  constructor(container: ContainerClient, options: AzureStoreOptions, delegationKeys?: AzureDelegationKeys) {
    this.#container = container;
    this.#options = options;
    this.#delegationKeys = delegationKeys;
  }

  /** Azure treats a backslash as a slash, so that two keys would be one blob. */
  exactKey(key: string): string {
    const fault = key.includes("\\") ? "holds a backslash" : undefined;
    if (fault) throw new InvalidPathError(undefined, { cause: new Error(`The key ${fault}`) });
    return normalizeKey(key);
  }

  label(key: string): string {
    return `azure://${this.#container.accountName}/${this.#container.containerName}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const properties = await this.#properties(key, signal);
    return describe(properties, knownSize(properties.contentLength), properties.contentMD5);
  }

  async times(key: string, signal: AbortSignal | undefined): Promise<FileTimes> {
    const { lastAccessed, createdOn, lastModified } = await this.#properties(key, signal);
    return { accessed: lastAccessed, created: createdOn, modified: lastModified };
  }

  #properties(key: string, signal: AbortSignal | undefined): Promise<BlobGetPropertiesResponse> {
    return this.#blob(key).getProperties({ ...requestOptions(signal), ...this.#encryption() });
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const wanted = await this.#rangeOf(key, range, signal);
    if (wanted === undefined) return undefined;
    const conditions = {
      ...(ifNoneMatch !== undefined && { ifNoneMatch }),
      ...(version?.etag !== undefined && { ifMatch: version.etag }),
    };
    // No retries of the SDK for a body that breaks: this package resumes it, as for every store.
    const options = { ...requestOptions(signal), ...this.#encryption(), conditions, maxRetryRequests: 0 };
    try {
      const part = wanted.offset > 0 || wanted.count !== undefined;
      const answer = await this.#blob(key).download(wanted.offset, wanted.count, options);
      return answerOf(answer, part ? 206 : undefined);
    } catch (error) {
      if (azureFailure(error).status === 416) return undefined;
      throw error;
    }
  }

  /** Undefined for a range without a byte. Azure has no suffix ranges: they take one more request. */
  async #rangeOf(key: string, range: RangeSpec | undefined, signal: AbortSignal): Promise<AzureRange | undefined> {
    if (range === undefined) return { offset: 0 };
    if (!("suffix" in range)) {
      return { offset: range.start, ...(range.end !== undefined && { count: range.end + 1 - range.start }) };
    }
    const { size = 0 } = await this.head(key, signal);
    return range.suffix > 0 && size > 0 ? { offset: Math.max(0, size - range.suffix) } : undefined;
  }

  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    return uploadToAzure(this.#container.getBlockBlobClient(key), content, { ...options, ...this.#encryption() });
  }

  async delete(key: string): Promise<void> {
    const { versionId } = this.#options;
    await this.#blob(key).deleteIfExists(versionId === undefined ? { deleteSnapshots: "include" } : {});
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    for await (const { name, properties } of this.#container.listBlobsFlat({ prefix })) {
      const { contentLength, lastModified } = properties;
      yield { name, ...defined({ size: knownSize(contentLength), lastModified: knownDate(lastModified) }) };
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const { BlobSASPermissions, generateBlobSASQueryParameters } = await sdk();
    const blob = this.#blob(key);
    const options = {
      permissions: BlobSASPermissions.parse("r"),
      expiresOn: validity.until,
      ...(contentDisposition !== undefined && { contentDisposition }),
      ...(contentType !== undefined && { contentType }),
    };
    if (!this.#delegationKeys) return blob.generateSasUrl(options);
    const delegationKey = await this.#delegationKeys.keyUntil(validity.until);
    const { until: expiresOn } = endingBy(validity, delegationKey.signedExpiresOn);
    const { versionId } = this.#options;
    const names = {
      containerName: blob.containerName,
      blobName: blob.name,
      ...(versionId !== undefined && { versionId }),
    };
    const values = { ...options, expiresOn, version: sasVersion, ...names };
    const signed = generateBlobSASQueryParameters(values, delegationKey, blob.accountName);
    return `${blob.url}${blob.url.includes("?") ? "&" : "?"}${signed.toString()}`;
  }

  #blob(key: string): BlobClient {
    const { versionId } = this.#options;
    const blob = this.#container.getBlobClient(key);
    return versionId === undefined ? blob : blob.withVersion(versionId);
  }

  #encryption(): { customerProvidedKey?: CpkInfo } {
    const { customerProvidedKey } = this.#options;
    return customerProvidedKey === undefined ? {} : { customerProvidedKey };
  }

  failure(error: unknown): StoreFailure {
    return azureFailure(error);
  }
}

/** Version of the signature. Newer ones sign fields that are not used here, and Azure's emulator does not know the newest. */
const sasVersion = "2020-12-06";

interface AzureRange {
  readonly offset: number;
  readonly count?: number;
}

// Imported when it is needed. The SDK is an optional dependency, and the application has loaded it to make the client.
function sdk(): Promise<typeof Azure> {
  return import("@azure/storage-blob");
}

function requestOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

function answerOf(answer: BlobDownloadResponseParsed, status: 206 | undefined): ObjectAnswer {
  const { readableStreamBody, contentLength, contentRange, contentMD5, blobContentMD5 } = answer;
  const { start, end, size, length } = bodyPlace(status, contentRange, contentLength);
  return {
    // For a range, `contentMD5` is the digest of the part.
    stat: describe(answer, size, blobContentMD5 ?? (end === undefined ? contentMD5 : undefined)),
    body: readableStreamBody ? objectBody(readableStreamBody, length) : null,
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: true,
  };
}

function describe(
  { etag, lastModified, contentType, contentEncoding }: BlobGetPropertiesResponse | BlobDownloadResponseParsed,
  size: number | undefined,
  md5: Uint8Array | undefined,
): FileStat {
  return defined({
    size,
    etag: normalizeEntityTag(etag),
    lastModified: knownDate(lastModified),
    contentType: knownType(contentType),
    contentEncoding: contentCoding(contentEncoding),
    digests: md5?.byteLength === 16 ? { md5 } : undefined,
  });
}

interface AzurePutOptions extends PutOptions {
  readonly customerProvidedKey?: CpkInfo;
}

/** Uploads content in one request, or block by block: they become a blob when the list of them is committed. */
async function uploadToAzure(
  blob: BlockBlobClient,
  content: AsyncIterable<Uint8Array>,
  options: AzurePutOptions,
): Promise<void> {
  const blocks: string[] = [];
  for await (const { number, bytes, isLast } of contentParts(content)) {
    if (isLast && number === 0) return void (await blob.upload(bytes, bytes.byteLength, uploadOptions(options)));
    const id = blockId(number);
    await blob.stageBlock(id, bytes, bytes.byteLength, abortable(options));
    blocks.push(id);
  }
  await blob.commitBlockList(blocks, uploadOptions(options));
}

// All ids of a blob must have one length. Blocks of another upload of the same blob are not in our list, and not used.
function blockId(number: number): string {
  return btoa(String(number).padStart(6, "0"));
}

function uploadOptions(options: AzurePutOptions): BlockBlobUploadOptions {
  const { contentType: blobContentType, exclusive } = options;
  return {
    ...abortable(options),
    blobHTTPHeaders: { blobContentType },
    ...(exclusive && { conditions: { ifNoneMatch: "*" } }),
  };
}

function abortable({ signal, customerProvidedKey }: AzurePutOptions): {
  abortSignal?: AbortSignal;
  customerProvidedKey?: CpkInfo;
} {
  return { ...(signal && { abortSignal: signal }), ...(customerProvidedKey && { customerProvidedKey }) };
}

/** The members of the SDK's `RestError` that are used. */
interface AzureError {
  readonly name?: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
}

function azureFailure(error: unknown): StoreFailure {
  const { name, code, statusCode, response } = (error ?? {}) as AzureError;
  return { status: statusCode, code: code ?? name, retryAfter: response?.headers?.get("retry-after") };
}
