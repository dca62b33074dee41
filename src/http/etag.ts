/** The value of If-Match or If-None-Match: any representation (`*`), or one of these entity tags. */
export type EntityTagCondition = "*" | readonly string[];

/** The facts about a local file from which an {@link EntityTagFormat} makes its entity tag. */
export interface EntityTagInput {
  /** In bytes. */
  readonly size: number;
  /** Nanoseconds since the epoch: `mtimeNs` of a bigint `stat`. */
  readonly mtimeNanoseconds: bigint;
  /** Nanoseconds since the epoch: `ctimeNs`. Programs cannot set it, so it tells versions apart if mtime does not. */
  readonly ctimeNanoseconds?: bigint;
}

/**
 * Makes the entity tag of a local file. If it has the format of the proxy that serves the same file, a download that began
 * on one resumes on the other.
 */
export type EntityTagFormat = (file: EntityTagInput, now: Date) => string;

/** Compares two entity tags: equal, and both strong (RFC 9110 §8.8.3.2). */
export function strongMatch(a: string, b: string): boolean {
  return a === b && a.startsWith('"');
}

/** Compares two entity tags: equal, whether weak or strong (RFC 9110 §8.8.3.2). */
export function weakMatch(a: string, b: string): boolean {
  return opaqueTag(a) === opaqueTag(b);
}

/** Removes the weakness indicator: `W/"x"` becomes `"x"`. */
export function opaqueTag(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

// `etagc` of RFC 9110 §8.8.3 has no controls and no space; a comma inside the quotes belongs to the tag. Sticky where a list is
// read on, and linear: no two neighbours match the same character.
const wholeTag = /^(?:W\/)?"[^\0-\x20"\x7f]*"$/;
const firstTag = /^[ \t]*((?:W\/)?"[^\0-\x20"\x7f]*")/;
const nextTag = /[ \t,]*((?:W\/)?"[^\0-\x20"\x7f]*")/y;

/** Tells whether `value` is one entity tag in header form, such as `"x"` or `W/"x"` (RFC 9110 §8.8.3). */
export function isEntityTag(value: string): boolean {
  return wholeTag.test(value);
}

const sendableTag = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;
const bareTag = /^(?!W\/)[\x21\x23-\x7e]+$/;

/**
 * Makes an entity tag that can be sent from the tag of a source. Adds the quotes, which stores often leave out.
 *
 * @returns undefined if the tag contains a space, a quote or a character beyond ASCII: clients would not send it back
 *   unchanged
 *
 * @example
 * ```ts
 * import { sendableEntityTag } from "downloadview/http";
 *
 * console.assert(sendableEntityTag("9a0364b9") === '"9a0364b9"');
 * console.assert(sendableEntityTag('W/"v1"') === 'W/"v1"');
 * console.assert(sendableEntityTag('"two words"') === undefined);
 * ```
 */
export function sendableEntityTag(value: string): string | undefined {
  if (sendableTag.test(value)) return value;
  return bareTag.test(value) ? `"${value}"` : undefined;
}

/**
 * Converts the entity tag of another server or an SDK to header form: adds missing quotes, and turns `w/` into `W/`.
 *
 * @returns undefined if it is missing, empty, or cannot be sent in a header
 *
 * @example
 * ```ts
 * import { normalizeEntityTag } from "downloadview/http";
 *
 * console.assert(normalizeEntityTag("0x8D4BCC2E4835CD0") === '"0x8D4BCC2E4835CD0"');
 * console.assert(normalizeEntityTag('w/"x"') === 'W/"x"');
 * console.assert(normalizeEntityTag("a b") === undefined);
 * ```
 */
export function normalizeEntityTag(value: string | null | undefined): string | undefined {
  const [, weak = "", tag = ""] = /^(W\/)?(.*)$/is.exec(value?.trim() ?? "") ?? [];
  const quoted = /^".*"$/s.test(tag) ? tag : `"${tag}"`;
  const etag = weak.toUpperCase() + quoted;
  return tag !== "" && isEntityTag(etag) ? etag : undefined;
}

/**
 * Splits a list after its first entity tag. Both parts are empty if the list does not begin with a valid tag, for example
 * if the quotes are missing, the tag contains a space, or `w/` is in lower case.
 */
export function scanEntityTag(value: string): { etag: string; rest: string } {
  const [found = "", etag] = firstTag.exec(value) ?? [];
  return etag === undefined ? { etag: "", rest: "" } : { etag, rest: value.slice(found.length) };
}

/**
 * Parses If-Match or If-None-Match. Tags before a malformed member count: the client has the versions that they name.
 *
 * @returns undefined if the field contains no valid tag
 */
export function parseEntityTags(value: string): EntityTagCondition | undefined {
  if (value.trim() === "*") return "*";
  const tags: string[] = [];
  nextTag.lastIndex = 0;
  for (let found = nextTag.exec(value); found; found = nextTag.exec(value)) tags.push(found[1]!);
  return tags.length > 0 ? tags : undefined;
}

/** One second, plus the time by which the kernel's clock may lag behind ours when it stamps a file. In nanoseconds. */
const racyWindow = 1_020_000_000n;

/** Two versions within one tick of the kernel's clock, 1 to 10 ms, have the very same times. Ours may be half a tick ahead. */
const tickWindow = 20_000_000n;

/**
 * nginx's own entity tag, `"<mtime in seconds>-<size>"` in hexadecimal. It can't tell two versions of one second apart.
 * So a file that may still change within its second gets a weak tag with nanoseconds in it: it matches neither the
 * next version's tag nor the strong tag that the same file has a second later. In the first milliseconds not even
 * nanoseconds tell, and the tag is that of this answer alone, so that it never matches again. A file from the future,
 * or with a time that says nothing ({@link isPlaceholderTime}), gets a weak tag that is made of its ctime.
 *
 * @example
 * ```ts
 * import { nginxEntityTag } from "downloadview/http";
 *
 * const file = { size: 255, mtimeNanoseconds: 1_700_000_000_123_456_789n };
 * console.assert(nginxEntityTag(file, new Date(1_700_000_005_000)) === '"6553f100-ff"');
 * console.assert(nginxEntityTag(file, new Date(1_700_000_000_500)) === 'W/"6553f100-ff-75bcd15"');
 * ```
 */
export function nginxEntityTag(file: EntityTagInput, now: Date): string {
  const { size, mtimeNanoseconds } = file;
  const time = now.getTime();
  const age = BigInt(time) * 1_000_000n - mtimeNanoseconds;
  const tag = `${(mtimeNanoseconds / 1_000_000_000n).toString(16)}-${size.toString(16)}`;
  if (isPlaceholderTime(mtimeNanoseconds) || age < -racyWindow) return changeEntityTag(tag, file, time);
  if (age > racyWindow) return `"${tag}"`;
  const nanoseconds = (mtimeNanoseconds % 1_000_000_000n).toString(16);
  return age > tickWindow ? `W/"${tag}-${nanoseconds}"` : `W/"${tag}-${nanoseconds}-${unique(time)}"`;
}

/** Makes a weak tag from ctime, which changes with every version, for a file whose mtime does not. */
function changeEntityTag(tag: string, { mtimeNanoseconds, ctimeNanoseconds }: EntityTagInput, time: number): string {
  const changed = ctimeNanoseconds ?? mtimeNanoseconds % 1_000_000_000n;
  const age = ctimeNanoseconds === undefined ? undefined : BigInt(time) * 1_000_000n - ctimeNanoseconds;
  const isUnsure = age === undefined ? isPlaceholderTime(mtimeNanoseconds) : age <= tickWindow && age >= -racyWindow;
  return `W/"${tag}-${changed.toString(16)}${isUnsure ? `-${unique(time)}` : ""}"`;
}

let tagsMade = 0;

/** Returns a suffix that no other tag has: two versions may be written and read within one millisecond. */
function unique(time: number): string {
  tagsMade = (tagsMade + 1) % 0x10000;
  return `${time.toString(16)}-${tagsMade.toString(16)}`;
}

/** Of 1991, when there was no web yet: package managers, archives and image builders set dates before it. */
const firstYear = 662_688_000n;

/** Later dates that tools give to every file, in seconds: Bazel's two, and Cargo's. */
const placeholders: ReadonlySet<bigint> = new Set([946_684_800n, 946_699_200n, 1_153_704_088n]);

/**
 * Whether a modification time says nothing about the content, because a tool gives it to every file: npm 1985, Nix and
 * OSTree 1970, ZIP 1980, container images 0. Two versions then have one time, and often one size.
 *
 * @example
 * ```ts
 * import { isPlaceholderTime } from "downloadview/http";
 *
 * console.assert(isPlaceholderTime(499_162_500_000_000_000n)); // npm's
 * console.assert(!isPlaceholderTime(1_700_000_000_000_000_000n));
 * ```
 */
export function isPlaceholderTime(mtimeNanoseconds: bigint): boolean {
  const seconds = mtimeNanoseconds / 1_000_000_000n;
  return seconds < firstYear || (placeholders.has(seconds) && mtimeNanoseconds % 1_000_000_000n === 0n);
}
