/** Returns the path of a URL as it was sent: not decoded, without origin (RFC 9112 §3.2.2), query and fragment. */
export function rawUrlPath(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
}

/**
 * Whether a separator in the path of a file was encoded in the URL, as in `/files/admin%2Fsecret.txt`. A router takes that
 * for one segment, so a guard on `/files/admin/*` does not run, and the file system takes it for two. No such file may
 * be served (CVE-2026-29087, CVE-2026-6414). `\` counts as a separator, and `%252F` too: some servers decode twice.
 *
 * @param path of a file, decoded. The application may have put folders or an extension around what the URL names.
 */
export function hasEncodedSeparator(url: string, path: string): boolean {
  if (!encodedSeparator.test(url) || !/[/\\]/.test(path)) return false;
  const sent = rawUrlPath(url);
  if (!encodedSeparator.test(sent)) return false;
  // The comparison below takes the square of the length. A client must not be able to make it long.
  if (sent.length > 2000 || path.length > 2000) return true;
  const wanted = neighbours(path);
  const decoded = sent.split("/").flatMap(decodings);
  return decoded.some((segment) => neighbours(segment).some((pair) => wanted.some(alike(pair))));
}

const encodedSeparator = /\\|%(?:25)*(?:2f|5c)/i;

/** Returns the forms in which a server may read a segment: as sent, and decoded once, twice and three times. */
function decodings(segment: string): string[] {
  if (!encodedSeparator.test(segment)) return [];
  const found = [segment];
  for (let times = 0; times < 3; times += 1) found.push(decode(found.at(-1) ?? ""));
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Pair = readonly [before: string, after: string];

/** The names on both sides of each separator. */
function neighbours(path: string): Pair[] {
  const names = path.toLowerCase().split(/[/\\]/);
  return names.slice(1).map((after, at) => [names[at] ?? "", after]);
}

// A route such as `/files-:path` shortens a segment, and an application may extend a name: then one contains the other.
function alike([before, after]: Pair): (pair: Pair) => boolean {
  return ([otherBefore, otherAfter]) =>
    (before.endsWith(otherBefore) || otherBefore.endsWith(before)) &&
    (after.startsWith(otherAfter) || otherAfter.startsWith(after));
}
