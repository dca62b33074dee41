/** Says whether the bytes of a body are right. Anything but `true` says that they are not. */
export type ContentPredicate = (bytes: Uint8Array) => boolean | Promise<boolean>;

/** Two excerpts to be shown beside each other, and what to say of them. */
export interface ByteDifference {
  readonly expected: string;
  readonly actual: string;
  readonly note: string;
}

export function compareBytes(actual: Uint8Array, expected: Uint8Array): ByteDifference | undefined {
  const at = firstDifference(actual, expected);
  if (at === undefined) return undefined;
  const show = isText(actual) && isText(expected) ? textAround : hexAround;
  return {
    expected: show(expected, at),
    actual: show(actual, at),
    note: `expected ${expected.byteLength} bytes, got ${actual.byteLength}, which differ from byte ${at} on`,
  };
}

export async function compareByPredicate(
  actual: Uint8Array,
  isRight: ContentPredicate,
): Promise<ByteDifference | undefined> {
  const verdict: unknown = await isRight(actual);
  if (verdict === true) return undefined;
  return {
    expected: "content for which the function gives true",
    actual: isText(actual) ? textAround(actual, 0) : hexAround(actual, 0),
    note: `the function did not give true for the ${actual.byteLength} bytes`,
  };
}

function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  const shorter = Math.min(one.byteLength, other.byteLength);
  for (let at = 0; at < shorter; at += 1) if (one[at] !== other[at]) return at;
  return one.byteLength === other.byteLength ? undefined : shorter;
}

const shownText = 2000;
const shownBytes = 32;

function isText(bytes: Uint8Array): boolean {
  try {
    // `stream`: an excerpt may end in the middle of a character.
    return !new TextDecoder("utf-8", { fatal: true })
      .decode(bytes.subarray(0, shownText), { stream: true })
      .includes("\0");
  } catch {
    return false;
  }
}

function textAround(bytes: Uint8Array, at: number): string {
  const start = at < shownText ? 0 : at - shownText / 2;
  return `${start > 0 ? "…" : ""}${new TextDecoder().decode(bytes.subarray(start, start + shownText))}`;
}

function hexAround(bytes: Uint8Array, at: number): string {
  const start = Math.max(0, at - 8);
  const shown = Array.from(bytes.subarray(start, start + shownBytes), (byte) => byte.toString(16).padStart(2, "0"));
  return `${start > 0 ? "… " : ""}${shown.join(" ")}${start + shownBytes < bytes.byteLength ? " …" : ""}`;
}
