import { describe, expect, it } from "vitest";
import { FileChangedError, IncompleteBodyError, UpstreamError } from "../../errors.ts";
import { resumeReading, type ResumeOptions } from "./resume-reading.ts";

const content = "0123456789";

/** Bodies that yield the given number of bytes and then break, and the position at which each was opened. */
function breaking(lengths: readonly number[], break_: () => void = () => throwError(new Error("reset"))) {
  const positions: number[] = [];
  const openAt = async function* (position: number): AsyncGenerator<Uint8Array> {
    const length = lengths[positions.length] ?? Infinity;
    positions.push(position);
    yield new TextEncoder().encode(content.slice(position, position + length));
    if (length !== Infinity) break_();
  };
  return { positions, openAt };
}

function throwError(error: Error): never {
  throw error;
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
  return text;
}

describe("resumeReading", () => {
  it.each<[string, readonly number[], ResumeOptions, readonly number[]]>([
    ["never breaks", [], {}, [0]],
    ["breaks once", [4], {}, [0, 4]],
    ["breaks three times", [4, 1, 2], {}, [0, 4, 5, 7]],
    ["breaks before its first byte", [0], {}, [0, 0]],
    ["breaks in a range", [2], { start: 3, end: 9 }, [3, 5]],
  ])("yields all bytes of a body that %s", async (_, lengths, options, positions) => {
    const body = breaking(lengths);
    expect(await textOf(resumeReading(body.openAt, options))).toBe(content.slice(options.start ?? 0));
    expect(body.positions).toEqual(positions);
  });

  it("asks again for a body that ends early without an error", async () => {
    const body = breaking([4, 2], () => {});
    expect(await textOf(resumeReading(body.openAt, { end: 9 }))).toBe(content);
    expect(body.positions).toEqual([0, 4, 6]);
  });

  it("throws after the last attempt", async () => {
    const body = breaking([1, 1, 1]);
    await expect(textOf(resumeReading(body.openAt, { attempts: 2 }))).rejects.toThrow(IncompleteBodyError);
    expect(body.positions).toEqual([0, 1, 2]);
  });

  it("asks again when the upstream fails for a while", async () => {
    const body = breaking([4, 0, 0], () => throwError(new UpstreamError(503)));
    expect(await textOf(resumeReading(body.openAt))).toBe(content);
    expect(body.positions).toEqual([0, 4, 4, 4]);
  });

  it("ends at once when the file is another one", async () => {
    const body = breaking([4], () => throwError(new FileChangedError()));
    await expect(textOf(resumeReading(body.openAt))).rejects.toThrow(FileChangedError);
    expect(body.positions).toEqual([0]);
  });

  it("does not retry a body that fails after its last byte", async () => {
    const body = breaking([10], () => throwError(new Error("Checksum mismatch")));
    await expect(textOf(resumeReading(body.openAt, { end: 9 }))).rejects.toThrow(IncompleteBodyError);
    expect(body.positions).toEqual([0]);
  });

  it("ends with the client, also while it waits to try again", async () => {
    const client = new AbortController();
    const body = breaking([1, 0, 0], () => throwError(new Error("reset")));
    const reading = textOf(
      resumeReading(
        (position) => {
          // The second time: the next one would come after a pause.
          if (body.positions.length === 1) queueMicrotask(() => queueMicrotask(() => client.abort(new Error("gone"))));
          return body.openAt(position);
        },
        { signal: client.signal },
      ),
    );
    await expect(reading).rejects.toThrow("gone");
    expect(body.positions).toEqual([0, 1]);
  });
});
