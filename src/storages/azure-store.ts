import type * as Azure from "@azure/storage-blob";
import type { BlobDownloadResponseParsed, BlobGetPropertiesResponse, ContainerClient } from "@azure/storage-blob";
import type { FileStat } from "../files/download-file.ts";
import { contentCoding, parseContentRange } from "../files/http-file-answer.ts";
import type { RangeSpec } from "../http/range.ts";
import type { AzureDelegationKeys } from "./azure-delegation-key.ts";
import { azureFailure } from "./azure-failure.ts";
import { uploadToAzure } from "./azure-upload.ts";
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
import { endingBy } from "./url-validity.ts";

/** A container of Azure Blob Storage. */
export class AzureStore implements ObjectStore {
  readonly #container: ContainerClient;
  readonly #delegationKeys: AzureDelegationKeys | undefined;

  constructor(container: ContainerClient, delegationKeys?: AzureDelegationKeys) {
    this.#container = container;
    this.#delegationKeys = delegationKeys;
  }

  label(key: string): string {
    return `azure://${this.#container.accountName}/${this.#container.containerName}/${key}`;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<FileStat> {
    const properties = await this.#container.getBlobClient(key).getProperties(requestOptions(signal));
    return describe(properties, properties.contentLength);
  }

  async get(key: string, { range, ifNoneMatch, version, signal }: ObjectRequest): Promise<ObjectAnswer> {
    const wanted = await this.#rangeOf(key, range, signal);
    if (wanted === undefined) return undefined;
    const conditions = {
      ...(ifNoneMatch !== undefined && { ifNoneMatch }),
      ...(version?.etag !== undefined && { ifMatch: version.etag }),
    };
    // No retries of its own for a body that breaks: it is resumed as that of any other store is.
    const options = { ...requestOptions(signal), conditions, maxRetryRequests: 0 };
    try {
      return answerOf(await this.#container.getBlobClient(key).download(wanted.offset, wanted.count, options));
    } catch (error) {
      if (azureFailure(error).status === 416) return undefined;
      throw error;
    }
  }

  /** Undefined for a range that no byte is in. Azure has no suffix ranges: they take one more request. */
  async #rangeOf(key: string, range: RangeSpec | undefined, signal: AbortSignal): Promise<AzureRange | undefined> {
    if (range === undefined) return { offset: 0 };
    if (!("suffix" in range)) {
      return { offset: range.start, ...(range.end !== undefined && { count: range.end + 1 - range.start }) };
    }
    const { size = 0 } = await this.head(key, signal);
    return range.suffix > 0 && size > 0 ? { offset: Math.max(0, size - range.suffix) } : undefined;
  }

  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    return uploadToAzure(this.#container.getBlockBlobClient(key), content, options);
  }

  async delete(key: string): Promise<void> {
    await this.#container.getBlobClient(key).deleteIfExists({ deleteSnapshots: "include" });
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    for await (const { name, properties } of this.#container.listBlobsFlat({ prefix })) {
      const { contentLength: size, lastModified } = properties;
      yield { name, lastModified, ...(size !== undefined && { size }) };
    }
  }

  async url(key: string, { validity, contentDisposition, contentType }: StoreUrlOptions): Promise<string> {
    const { BlobSASPermissions, generateBlobSASQueryParameters } = await sdk();
    const blob = this.#container.getBlobClient(key);
    const options = {
      permissions: BlobSASPermissions.parse("r"),
      expiresOn: validity.until,
      ...(contentDisposition !== undefined && { contentDisposition }),
      ...(contentType !== undefined && { contentType }),
    };
    if (!this.#delegationKeys) return blob.generateSasUrl(options);
    const delegationKey = await this.#delegationKeys.keyUntil(validity.until);
    const { until: expiresOn } = endingBy(validity, delegationKey.signedExpiresOn);
    const names = { containerName: blob.containerName, blobName: blob.name };
    const values = { ...options, expiresOn, version: sasVersion, ...names };
    const signed = generateBlobSASQueryParameters(values, delegationKey, blob.accountName);
    return `${blob.url}?${signed.toString()}`;
  }

  failure(error: unknown): StoreFailure {
    return azureFailure(error);
  }
}

/** The form of what is signed. Each newer one signs more that is not used here, and Azure's emulator does not know the newest. */
const sasVersion = "2020-12-06";

interface AzureRange {
  readonly offset: number;
  readonly count?: number;
}

// When it is needed: whoever made the client has loaded it already, and this module loads without it.
function sdk(): Promise<typeof Azure> {
  return import("@azure/storage-blob");
}

function requestOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

function answerOf(answer: BlobDownloadResponseParsed): ObjectAnswer {
  const { readableStreamBody, contentLength = 0, contentRange } = answer;
  const { start = 0, end, size } = parseContentRange(contentRange ?? "") ?? { size: contentLength };
  return {
    stat: describe(answer, size),
    body: readableStreamBody ? objectBody(readableStreamBody, contentLength) : null,
    start,
    ...(end !== undefined && { end }),
    acceptsRanges: true,
  };
}

function describe(answer: BlobGetPropertiesResponse | BlobDownloadResponseParsed, size: number | undefined): FileStat {
  const { etag, lastModified } = answer;
  const contentType = knownType(answer.contentType);
  const contentEncoding = contentCoding(answer.contentEncoding);
  return {
    ...(size !== undefined && { size }),
    ...(etag !== undefined && { etag }),
    ...(lastModified && { lastModified }),
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
  };
}
