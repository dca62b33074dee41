/**
 * Restricts a `Cache-Control` value to the client's own cache, for at most `seconds`. A shared cache would serve the
 * response to clients that have no signature, and a longer lifetime would outlast the signature.
 *
 * @param value the application's own field, or null
 * @param seconds until the signature expires; undefined: it does not expire
 */
export function privateCacheControl(value: string | null, seconds: number | undefined): string {
  const directives = directivesOf(value ?? "");
  const kept = directives.filter((directive) => !isReplaced(directive, seconds));
  const limited = seconds === undefined || directives.some(isNeverFresh);
  return ["private", ...kept, ...(limited ? [] : [`max-age=${Math.min(seconds, maxAgeOf(directives))}`])].join(", ");
}

/** An argument may be quoted and hold a comma: `no-cache="set-cookie, vary"` (RFC 9111 §5.2). */
function directivesOf(value: string): string[] {
  const found = value.match(/(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];
  return found.map((directive) => directive.trim()).filter((directive) => directive !== "");
}

const sharing = /^(?:public|private|s-maxage|must-understand)\b/i;
// RFC 5861: `stale-*` lets a cache use a response for longer than its max-age.
const lasting = /^(?:max-age|stale-while-revalidate|stale-if-error)\b/i;

function isReplaced(directive: string, seconds: number | undefined): boolean {
  return sharing.test(directive) || (seconds !== undefined && lasting.test(directive));
}

function isNeverFresh(directive: string): boolean {
  return /^no-(?:store|cache)$/i.test(directive);
}

function maxAgeOf(directives: readonly string[]): number {
  const ages = directives.map((directive) => /^max-age="?(\d+)"?$/i.exec(directive)?.[1]);
  return Math.min(...ages.map((age) => (age === undefined ? Infinity : Number(age))), Infinity);
}
