/** Writes src/http/media-type-table.ts from the table of the `mime` package: `npm run media-types`. */
import { writeFileSync } from "node:fs";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";
import mime from "mime";

/** Each type with those of its extensions that `mime` resolves to it, by its first half. */
const groups = new Map<string, string[]>();
for (const type of [...new Set([...Object.keys(standardTypes), ...Object.keys(otherTypes)])].toSorted()) {
  const extensions = [...(mime.getAllExtensions(type) ?? [])].filter((extension) => mime.getType(extension) === type);
  if (extensions.length === 0) continue;
  const [first = "", second = ""] = type.split("/");
  const entry = [second.replace(/^vnd\./, "-"), ...extensions].join(" ");
  groups.set(first, [...(groups.get(first) ?? []), entry]);
}

const lines = Array.from(groups, ([first, entries]) => `${first}/${entries.join(",")}`);
const code = `// Made by \`npm run media-types\` from the table of the mime package (MIT License, Robert Kieffer). Not to be edited.

/**
 * A line for each first half of a media type: \`text/html html htm shtml,css css\`. A \`-\` before the second half stands for
 * \`vnd.\`. Text takes a quarter of the space that an object would, in a bundle and in memory.
 */
export const mediaTypeTable = \`${lines.join("\n")}\`;
`;
writeFileSync(new URL("../src/http/media-type-table.ts", import.meta.url), code);
console.log(`${lines.length} lines, ${code.length} characters`);
