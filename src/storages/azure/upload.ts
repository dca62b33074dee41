import type { BlockBlobClient, BlockBlobUploadOptions, CpkInfo } from "@azure/storage-blob";
import { contentParts } from "../object-store/content-parts.ts";
import type { PutOptions } from "../object-store/object-store.ts";

interface AzurePutOptions extends PutOptions {
  readonly customerProvidedKey?: CpkInfo;
}

/** Uploads content in one request, or block by block: they become a blob when the list of them is committed. */
export async function uploadToAzure(
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

// All of a blob have to be of one length. Those of another upload that is under way are not of our list, and not used.
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
