import type { Reply } from "./ask.ts";

/** What each server says for itself, what is about one connection, and what is for the server alone. */
const notCompared =
  /^(?:date|server|via|age|connection|keep-alive|transfer-encoding|content-length|accept-ranges|x-powered-by|etag|last-modified|x-accel-.*|x-sendfile|x-reproxy-url|x-remote-url)$/;

/** The fields of `own` that did not come through as they were, each with what became of it. */
export function missingFields(own: Reply, theirs: Reply): string[] {
  return own.names
    .filter((name) => !notCompared.test(name))
    .map((name) => fate(name, own.lines(name), theirs.lines(name)))
    .filter((finding) => finding !== undefined);
}

function fate(name: string, own: readonly string[], theirs: readonly string[]): string | undefined {
  const [before, after] = [normalized(own), normalized(theirs)];
  if (before === after || (name === "vary" && variesOnMore(before, after))) return undefined;
  if (theirs.length === 0) return `${name} is dropped`;
  return normalized([...new Set(theirs)]) === before ? `${name} is doubled` : `${name} becomes ${after}`;
}

/** Caddy adds Accept-Encoding to Vary (2.8 and later). That costs a cache an entry, and no client a byte. */
function variesOnMore(before: string, after: string): boolean {
  const names = (list: string): string[] =>
    list
      .toLowerCase()
      .split(",")
      .filter((name) => name !== "accept-encoding");
  return names(before).join() === names(after).join() && after.length > before.length;
}

// Several lines of a field are one list (RFC 9110 §5.3), and the white space in it means nothing.
function normalized(lines: readonly string[]): string {
  return lines.join(", ").replaceAll(/\s*([,;])\s*/g, "$1");
}
