import type { NodeStream } from "../../files/byte-source.ts";
import type { FileStat } from "../../files/download-file.ts";
import { contentCoding } from "../../http/encoding.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import type { RangeSpec } from "../../http/range.ts";
import { defined, knownType } from "../describe-object.ts";
import { normalizeKey } from "../name.ts";
import type {
  ObjectAnswer,
  ObjectRequest,
  ObjectStore,
  PutOptions,
  StoreFailure,
} from "../object-store/object-store.ts";
import type { StorageEntry } from "../storage.ts";
import type { R2BucketBinding, R2GetInit, R2ObjectHead, R2Part } from "./binding.ts";
import { equalParts, type EqualPart } from "./equal-parts.ts";

/** In bytes. R2 takes 10,000 parts: files of up to 80 GB. Two parts are in memory, of the 128 MB that a Worker has. */
const partSize = 8 * 1024 * 1024;

/** What R2 answers without an error: a missing object, or a condition that does not hold. */
class R2Refusal extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`R2 answered ${status}`);
    this.status = status;
  }
}

/** A bucket of Cloudflare R2, by the binding of a Worker. */
export class R2Store implements ObjectStore {
  readonly #bucket: R2BucketBinding;
  readonly #name: string;

  constructor(bucket: R2BucketBinding, name: string) {
    this.#bucket = bucket;
    this.#name = name;
  }

  exactKey(key: string): string {
    return normalizeKey(key);
  }

  label(key: string): string {
    return `r2://${this.#name}/${key}`;
  }

  async head(key: string): Promise<FileStat> {
    const found = await this.#bucket.head(key);
    if (!found) throw new R2Refusal(404);
    return describe(found);
  }

  async get(key: string, { range, ifNoneMatch, version }: ObjectRequest): Promise<ObjectAnswer> {
    const onlyIf = defined({ etagMatches: bare(version?.etag), etagDoesNotMatch: bare(ifNoneMatch) });
    const options: R2GetInit = {
      ...(range && { range: rangeOption(range) }),
      ...(Object.keys(onlyIf).length > 0 && { onlyIf }),
    };
    const found = await this.#get(key, options);
    if (found === undefined) return undefined;
    if (!found) throw new R2Refusal(404);
    if (!found.body) throw new R2Refusal(ifNoneMatch !== undefined && found.etag === bare(ifNoneMatch) ? 304 : 412);
    const { start, end } = placeOf(range, found.size);
    return {
      stat: describe(found),
      body: webStream(found.body),
      start,
      ...(end !== undefined && { end }),
      acceptsRanges: true,
    };
  }

  /** Undefined where no byte is in the range. */
  async #get(key: string, options: R2GetInit): Promise<Awaited<ReturnType<R2BucketBinding["get"]>> | undefined> {
    try {
      return await this.#bucket.get(key, options);
    } catch (error) {
      if (codeOf(error) === rangeNotSatisfiable) return undefined;
      throw error;
    }
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    const parts = equalParts(content, partSize);
    const first = await parts.next();
    const whole = first.value as EqualPart;
    if (whole.isLast) return this.#putWhole(key, whole.bytes, options);
    // An upload in parts takes no condition: that there was no such object before has to do.
    if (options.exclusive && (await this.#bucket.head(key))) throw new R2Refusal(412);
    await this.#putParts(key, whole, parts, options);
  }

  async #putWhole(key: string, bytes: Uint8Array, { contentType, exclusive }: PutOptions): Promise<void> {
    const condition = exclusive ? { onlyIf: { etagDoesNotMatch: "*" } } : {};
    const put = await this.#bucket.put(key, plain(bytes), { httpMetadata: { contentType }, ...condition });
    if (put === null) throw new R2Refusal(412);
  }

  async #putParts(
    key: string,
    first: EqualPart,
    rest: AsyncIterable<EqualPart>,
    { contentType, exclusive }: PutOptions,
  ): Promise<void> {
    const upload = await this.#bucket.createMultipartUpload(key, { httpMetadata: { contentType } });
    try {
      // Parts count from one.
      const parts: R2Part[] = [await upload.uploadPart(1, plain(first.bytes))];
      for await (const { number, bytes } of rest) parts.push(await upload.uploadPart(number + 1, plain(bytes)));
      if (exclusive && (await this.#bucket.head(key))) throw new R2Refusal(412);
      await upload.complete(parts);
    } catch (error) {
      // What the upload failed with says more than that it could not be tidied up.
      await upload.abort().catch(() => undefined);
      throw error;
    }
  }

  delete(key: string): Promise<void> {
    return this.#bucket.delete(key);
  }

  async *list(prefix: string): AsyncGenerator<StorageEntry> {
    let cursor: string | undefined;
    do {
      const page = await this.#bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
      for (const { key, size, uploaded } of page.objects) {
        yield { name: key, ...defined({ size: knownSize(size), lastModified: knownDate(uploaded) }) };
      }
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
  }

  url(): Promise<string> {
    return Promise.reject(new TypeError("A binding of R2 signs no URLs"));
  }

  failure(error: unknown): StoreFailure {
    if (error instanceof R2Refusal) return { status: error.status };
    const code = codeOf(error);
    return code === undefined ? {} : { code: String(code), ...defined({ status: statusOf(code) }) };
  }
}

/** Not a Buffer of Node, which the proxy of `wrangler` refuses. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const rangeNotSatisfiable = 10_039;

// R2 says why it failed at the end of the message: "get: The specified key does not exist. (10007)".
function codeOf(error: unknown): number | undefined {
  const [, code] = /\((\d{5})\)\s*$/.exec(error instanceof Error ? error.message : "") ?? [];
  return code === undefined ? undefined : Number(code);
}

/** @see https://developers.cloudflare.com/r2/api/error-codes/ */
function statusOf(code: number): number | undefined {
  const statuses: Readonly<Record<number, number>> = {
    10_007: 404,
    10_031: 412,
    10_043: 503,
    10_054: 503,
    10_058: 429,
  };
  return statuses[code];
}

function rangeOption(range: RangeSpec): NonNullable<R2GetInit["range"]> {
  if ("suffix" in range) return { suffix: range.suffix };
  return { offset: range.start, ...(range.end !== undefined && { length: range.end - range.start + 1 }) };
}

/** Which part of an object of `size` bytes the body is. R2 cuts what is beyond its end. */
function placeOf(range: RangeSpec | undefined, size: number): { readonly start: number; readonly end?: number } {
  if (range === undefined) return { start: 0 };
  if ("suffix" in range) return { start: Math.max(0, size - range.suffix), end: size - 1 };
  return { start: range.start, end: Math.min(range.end ?? Infinity, size - 1) };
}

/** The tag as R2 has it: without quotes. R2 has no weak ones. */
function bare(etag: string | undefined): string | undefined {
  return etag === undefined ? undefined : etag.replaceAll('"', "");
}

function describe({ size, etag, uploaded, httpMetadata = {}, checksums = {} }: R2ObjectHead): FileStat {
  const digests = defined({ "sha-256": bytesOf(checksums.sha256), "sha-512": bytesOf(checksums.sha512) });
  return {
    ...defined({
      size: knownSize(size),
      etag: `"${etag}"`,
      lastModified: knownDate(uploaded),
      contentType: knownType(httpMetadata.contentType),
      contentEncoding: contentCoding(httpMetadata.contentEncoding),
    }),
    ...(Object.keys(digests).length > 0 && { digests }),
  };
}

function bytesOf(buffer: ArrayBuffer | undefined): Uint8Array | undefined {
  return buffer && new Uint8Array(buffer);
}

/** A web stream in the form in which the other stores' SDKs have theirs. */
function webStream(stream: ReadableStream<Uint8Array>): NodeStream {
  const reader = stream.getReader();
  const cancel = (): Promise<void> => reader.cancel().catch(() => undefined);
  return {
    destroy: () => void cancel(),
    // An error is told to the reader alone.
    on: () => undefined,
    async *[Symbol.asyncIterator]() {
      let isEnded = false;
      try {
        for (;;) {
          const { done, value } = await reader.read();
          isEnded = done;
          if (done) return;
          yield value;
        }
      } finally {
        if (!isEnded) await cancel();
      }
    },
  };
}
