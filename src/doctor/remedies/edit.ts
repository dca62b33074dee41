/** A change of a configuration. In a line to remove or replace, `…` stands for any text, and `{…}` for a whole block. */
export interface Edit {
  /** The line to replace, and the new one. */
  readonly replace?: readonly [string, string];
  readonly remove?: readonly string[];
  readonly write?: readonly string[];
}

/** Formats an edit: "In PLACE, remove `a` and `b`, and write `c`." */
export function edit(place: string, { replace, remove = [], write = [] }: Edit): string {
  const parts = [
    ...(replace ? [`replace \`${replace[0]}\` by \`${replace[1]}\``] : []),
    ...(remove.length > 0 ? [`remove ${quoted(remove)}`] : []),
    ...(write.length > 0 ? [`write ${quoted(write)}`] : []),
  ];
  return `In ${place}, ${parts.join(", and ")}.`;
}

export function sentences(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => typeof part === "string" && part !== "").join(" ");
}

function quoted(lines: readonly string[]): string {
  const all = lines.map((line) => `\`${line}\``);
  return all.length === 1 ? all.join() : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

/** `x-robots-tag` as `X-Robots-Tag`. */
export function spelled(name: string): string {
  return name === "etag" ? "ETag" : name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** The commands that let another user read a file, as a sentence. */
export function run(commands: readonly string[]): string {
  return commands.length === 0 ? "" : `On the server's machine, run ${quoted(commands)}.`;
}
