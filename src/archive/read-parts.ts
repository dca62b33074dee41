import { rangeLength, type ByteRange } from "../http/range.ts";
import { ChunkBuilder } from "./chunk-builder.ts";
import type { ContentPart, Part } from "./part.ts";
import { blockAt, blockHead, maxBlock, writeBlockHead } from "./stored-blocks.ts";

/** Where the bytes of members come from. */
export interface MemberReader {
  /** Begins to open a member that is read next. */
  prepare(member: number, range: ByteRange): void;
  /** Exactly the bytes of `range` of the version that the archive declares. @throws {FileChangedError} for any other */
  read(member: number, range: ByteRange): AsyncIterable<Uint8Array>;
  /** The CRC-32 of all of a member. */
  checksum(member: number): Promise<number>;
}

/** The bytes `range` of an archive. A part outside of it costs nothing: no member before it is read. */
export async function* readParts(
  parts: Iterable<Part>,
  range: ByteRange,
  members: MemberReader,
): AsyncGenerator<Uint8Array> {
  const builder = new ChunkBuilder(rangeLength(range));
  for (const slice of announced(slices(parts, range), members)) {
    const { part, from, to } = slice;
    if (part.kind === "bytes") builder.add(part.bytes().subarray(from, to));
    else if (part.kind === "checksum") builder.add(part.bytes(await members.checksum(part.member)).subarray(from, to));
    else {
      const write = part.blocks ? blockWriter(builder, part, from, to) : (chunk: Uint8Array) => builder.add(chunk);
      for await (const chunk of members.read(part.member, contentRange(part, from, to))) {
        write(chunk);
        for (let full = builder.take(); full; full = builder.take()) yield full;
      }
    }
    for (let full = builder.take(); full; full = builder.take()) yield full;
  }
}

/** The bytes `from` to `to` of a part, `to` not included. */
interface Slice {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
}

function* slices(parts: Iterable<Part>, { start, end }: ByteRange): Generator<Slice> {
  let position = 0;
  for (const part of parts) {
    const from = Math.max(start - position, 0);
    const to = Math.min(end + 1 - position, part.length);
    if (from < to) yield { part, from, to };
    position += part.length;
    if (position > end) return;
  }
}

/** Tells `members` of the next content while the one before it is still to be read: one is open, one is being opened. */
function* announced(all: Iterable<Slice>, members: MemberReader): Generator<Slice> {
  let waiting: Slice[] = [];
  for (const slice of all) {
    if (slice.part.kind === "content") {
      members.prepare(slice.part.member, contentRange(slice.part, slice.from, slice.to));
      yield* waiting;
      waiting = [];
    }
    waiting.push(slice);
  }
  yield* waiting;
}

/** Which bytes of a member its part of the archive needs: with blocks, from the beginning of the first one. */
function contentRange(part: ContentPart, from: number, to: number): ByteRange {
  if (!part.blocks) return { start: from, end: to - 1 };
  const size = contentSize(part.length);
  const last = blockAt(to - 1);
  return {
    start: blockAt(from).content,
    end: Math.min(last.content + Math.max(to - last.stream - blockHead, 1), size) - 1,
  };
}

/** The length of what a stream of stored blocks holds. */
function contentSize(streamLength: number): number {
  return streamLength - blockHead * Math.ceil(streamLength / (maxBlock + blockHead));
}

/** Writes content with the head of each block before it; what is before `from` and from `to` on is left out. */
function blockWriter(builder: ChunkBuilder, part: ContentPart, from: number, to: number): (chunk: Uint8Array) => void {
  const size = contentSize(part.length);
  const head = new Uint8Array(blockHead);
  let { content, stream } = blockAt(from);
  const add = (piece: Uint8Array): void => {
    builder.add(piece.subarray(Math.max(from - stream, 0), Math.max(to - stream, 0)));
    stream += piece.byteLength;
  };
  return (chunk) => {
    for (let at = 0; at < chunk.byteLength;) {
      const used = content % maxBlock;
      if (used === 0) {
        const length = Math.min(maxBlock, size - content);
        writeBlockHead(head, length, content + length === size);
        add(head);
      }
      const piece = chunk.subarray(at, at + maxBlock - used);
      add(piece);
      at += piece.byteLength;
      content += piece.byteLength;
    }
  };
}
