import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { File, CreateWriteStreamOptions } from "@google-cloud/storage";
import { contentParts } from "../object-store/content-parts.ts";
import type { PutOptions } from "../object-store/object-store.ts";

/** Uploads content in one request, or in chunks that become an object when the last of them is there. */
export async function uploadToGCS(file: File, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
  const parts = contentParts(content);
  const first = await parts.next();
  if (first.done) return;
  const { bytes, isLast } = first.value;
  if (isLast) return file.save(Buffer.from(bytes), { ...writeOptions(options), resumable: false });
  const target = file.createWriteStream({ ...writeOptions(options), resumable: true, chunkSize });
  const { signal } = options;
  await pipeline(Readable.from(rest(bytes, parts), { objectMode: false }), target, signal ? { signal } : {});
}

/** Bytes: a multiple of 256 KiB, as the store wants it. */
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
    // No generation: there is no such object.
    ...(exclusive && { preconditionOpts: { ifGenerationMatch: 0 } }),
  };
}
