import type { Content } from "../files/content.ts";
import type { OpenFile } from "../files/download-file.ts";
import type { MultipartByteRanges } from "../http/range.ts";
import type { Delivery } from "./delivery.ts";

/** Where the bytes of a response come from. Whoever takes a body closes its file. */
export type ResponseBody =
  | { readonly kind: "none" }
  /** A file, or a range of it. */
  | { readonly kind: "content"; readonly content: Content; readonly file: OpenFile }
  | {
      readonly kind: "multipart";
      readonly file: OpenFile;
      readonly multipart: MultipartByteRanges;
      /** Of the first part: the others are asked for when it was read. */
      readonly first: Content;
      readonly length: number;
    }
  | { readonly kind: "stream"; readonly stream: ReadableStream<Uint8Array> };

/** When a client that reads too slowly loses its connection. Only time in which the connection is full counts. */
export interface SlowReaders {
  /** After so many seconds in which the client took no byte. Default: never. */
  readonly idle?: number;
  /** If it took fewer bytes a second than this, over 30 seconds. Default 0. */
  readonly minimumRate?: number;
}

/** A response that is ready to be written: plain data, which each adapter turns into what its runtime sends. */
export interface RenderedResponse {
  readonly status: number;
  /** `[name, value, name, value, …]` */
  readonly headers: readonly string[];
  /** Names of fields that are defaults of ours: what middleware has set under them stays. */
  readonly yields?: readonly string[] | undefined;
  readonly body: ResponseBody;
  /** At most this many bytes a second. A function is asked again for each piece. */
  readonly limitRate?: number | (() => number);
  /** When to end the transfer, because the client reads too slowly. */
  readonly slowReaders?: SlowReaders;
  /** Told by the writer how the transfer ended. */
  readonly delivery: Delivery;
}
