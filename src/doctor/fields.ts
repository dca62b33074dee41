import type { Reply } from "./ask.ts";
import { spelled } from "./remedies/edit.ts";
import type { FieldChange } from "./remedies/problem.ts";

/** Fields that each server sets itself, that concern one connection, or that are for the server alone. */
const notCompared =
  /^(?:date|server|via|age|connection|keep-alive|transfer-encoding|content-length|accept-ranges|x-powered-by|etag|last-modified|x-accel-.*|x-sendfile|x-reproxy-url|x-remote-url)$/;

/** Returns the fields of `own` that did not arrive unchanged, each with what became of it. */
export function changedFields(own: Reply, theirs: Reply): FieldChange[] {
  return own.names
    .filter((name) => !notCompared.test(name))
    .map((name) => changeOf(name, own.lines(name), theirs.lines(name)))
    .filter((change) => change !== undefined);
}

/** `X-Robots-Tag is dropped; Vary becomes Cookie`. */
export function describeChanges(changes: readonly FieldChange[]): string {
  return changes
    .map(({ name, fate, value }) => `${spelled(name)} ${fate === "changed" ? `becomes ${value}` : `is ${fate}`}`)
    .join("; ");
}

function changeOf(name: string, own: readonly string[], theirs: readonly string[]): FieldChange | undefined {
  const [before, after] = [normalized(own), normalized(theirs)];
  if (before === after || (name === "vary" && variesOnMore(before, after))) return undefined;
  if (theirs.length === 0) return { name, fate: "dropped" };
  const isDoubled = normalized([...new Set(theirs)]) === before;
  return { name, fate: isDoubled ? "doubled" : "changed", value: after };
}

/** Caddy adds Accept-Encoding to Vary (2.8 and later). The only effect is one more entry in a cache. */
function variesOnMore(before: string, after: string): boolean {
  const names = (list: string): string[] =>
    list
      .toLowerCase()
      .split(",")
      .filter((name) => name !== "accept-encoding");
  return names(before).join() === names(after).join() && after.length > before.length;
}

// Several lines of a field are one list (RFC 9110 §5.3), in which white space has no meaning.
function normalized(lines: readonly string[]): string {
  return lines.join(", ").replaceAll(/\s*([,;])\s*/g, "$1");
}
