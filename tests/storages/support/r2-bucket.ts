import { createHash } from "node:crypto";
import type { R2BucketBinding, R2GetInit, R2ObjectHead, R2Part } from "downloadview/r2";

interface Stored extends R2ObjectHead {
  readonly bytes: Uint8Array;
}

/** A bucket of R2 in memory, which answers as Cloudflare's documentation and miniflare do. */
export class R2BucketInMemory implements R2BucketBinding {
  readonly #objects = new Map<string, Stored>();
  /** What it was asked, such as `get a.txt`. */
  readonly asked: string[] = [];
  /** How many uploads in parts are open. */
  uploads = 0;
  pageSize = 1000;

  async head(key: string): Promise<R2ObjectHead | null> {
    this.asked.push(`head ${key}`);
    return this.#objects.get(key) ?? null;
  }

  async get(key: string, { range, onlyIf = {} }: R2GetInit = {}): ReturnType<R2BucketBinding["get"]> {
    this.asked.push(`get ${key}`);
    const object = this.#objects.get(key);
    if (!object) return null;
    const { bytes, ...head } = object;
    const holds =
      (onlyIf.etagMatches ?? head.etag) === head.etag &&
      (onlyIf.etagDoesNotMatch === undefined || onlyIf.etagDoesNotMatch !== head.etag);
    if (!holds) return head;
    const [start, end] = place(range, bytes.byteLength);
    return { ...head, body: streamOf(bytes.slice(start, end)) };
  }

  async put(
    key: string,
    value: Uint8Array,
    { httpMetadata = {}, onlyIf }: Parameters<R2BucketBinding["put"]>[2],
  ): Promise<unknown> {
    this.asked.push(`put ${key}`);
    if (onlyIf?.etagDoesNotMatch === "*" && this.#objects.has(key)) return null;
    return this.#keep(key, value.slice(), createHash("md5").update(value).digest("hex"), httpMetadata);
  }

  async delete(key: string): Promise<void> {
    this.asked.push(`delete ${key}`);
    this.#objects.delete(key);
  }

  async list({
    prefix = "",
    cursor = "",
  }: Parameters<R2BucketBinding["list"]>[0]): ReturnType<R2BucketBinding["list"]> {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > cursor).toSorted();
    const page = keys.slice(0, this.pageSize);
    const objects = page.map((key) => this.#objects.get(key)!);
    return keys.length > page.length
      ? { objects, truncated: true, cursor: page.at(-1)! }
      : { objects, truncated: false };
  }

  async createMultipartUpload(
    key: string,
    { httpMetadata = {} }: Parameters<R2BucketBinding["createMultipartUpload"]>[1],
  ): ReturnType<R2BucketBinding["createMultipartUpload"]> {
    this.uploads += 1;
    const parts = new Map<number, Uint8Array>();
    return {
      uploadPart: async (partNumber, value) => {
        parts.set(partNumber, value.slice());
        return { partNumber, etag: `part-${partNumber}` };
      },
      complete: async (uploaded: R2Part[]) => {
        const bodies = uploaded.map(({ partNumber }) => parts.get(partNumber)!);
        if (new Set(bodies.slice(0, -1).map(({ byteLength }) => byteLength)).size > 1) {
          throw new Error("completeMultipartUpload: All non-trailing parts must have the same length. (10048)");
        }
        this.uploads -= 1;
        return this.#keep(key, Buffer.concat(bodies), `many-${uploaded.length}`, httpMetadata);
      },
      abort: async () => void (this.uploads -= 1),
    };
  }

  #keep(key: string, bytes: Uint8Array, etag: string, httpMetadata: object): R2ObjectHead {
    const head = { key, size: bytes.byteLength, etag, uploaded: new Date(), httpMetadata };
    this.#objects.set(key, { ...head, bytes });
    return head;
  }
}

function place(range: R2GetInit["range"], size: number): [start: number, end: number] {
  if (range === undefined) return [0, size];
  if ("suffix" in range) return [Math.max(0, size - range.suffix), size];
  const { offset, length = size } = range;
  if (offset >= size) throw new Error("get: The requested range is not satisfiable (10039)");
  return [offset, Math.min(size, offset + length)];
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + 65_536));
      at += 65_536;
    },
  });
}
