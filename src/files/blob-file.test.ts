import { readOpened } from "./content.ts";
import { describe, expect, it } from "vitest";
import { FileChangedError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { blobFile, type BlobFileOptions } from "./blob-file.ts";

const content = new TextEncoder().encode("0123456789");

async function textOf(options: Partial<BlobFileOptions>, range?: ByteRange): Promise<string> {
  const file = blobFile({
    size: 10,
    chunkSize: 4,
    read: (at, length) => content.subarray(at, at + length),
    ...options,
  });
  await using opened = await file.open();
  let text = "";
  for await (const chunk of readOpened(opened, range)) text += new TextDecoder().decode(chunk);
  return text;
}

describe("blobFile", () => {
  it.each<[ByteRange | undefined, [number, number][]]>([
    [
      undefined,
      [
        [0, 4],
        [4, 4],
        [8, 2],
      ],
    ],
    [
      { start: 3, end: 8 },
      [
        [3, 4],
        [7, 2],
      ],
    ],
    [{ start: 9, end: 9 }, [[9, 1]]],
  ])("reads %j piece by piece", async (range, pieces) => {
    const asked: [number, number][] = [];
    const read = (at: number, length: number): Uint8Array => {
      asked.push([at, length]);
      return content.subarray(at, at + length);
    };
    const { start, end } = range ?? { start: 0, end: 9 };
    expect(await textOf({ read }, range)).toBe("0123456789".slice(start, end + 1));
    expect(asked).toEqual(pieces);
  });

  it("goes on after a piece that is shorter than asked for", async () => {
    expect(await textOf({ read: async (at) => content.subarray(at, at + 3) })).toBe("0123456789");
  });

  it("reads nothing of an empty one", async () => {
    expect(await textOf({ size: 0, read: () => expect.unreachable() })).toBe("");
  });

  it.each([
    ["gone", undefined],
    ["shorter", new Uint8Array()],
  ])("fails where it is %s by now", async (_, none) => {
    const read = (at: number): Uint8Array | undefined => (at === 0 ? content.subarray(0, 4) : none);
    await expect(textOf({ read })).rejects.toThrow(FileChangedError);
  });

  it("knows its size, and that ranges can be had of it", async () => {
    const stat = await blobFile({ size: 10, read: () => content, name: "a", etag: '"1"' }).stat();
    expect(stat).toEqual({ size: 10, etag: '"1"' });
  });
});
