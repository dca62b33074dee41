/** Writes src/http/media-type-table.ts and its small variant for Workers from the table of the `mime` package: `npm run media-types`. */
import { writeFileSync } from "node:fs";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";
import mime from "mime";

/** What people download most. Workers, whose bundles are to be small, know these alone. */
const common = new Set(
  `7z aac ai aif apk avi avif azw bmp cer conf crt css csv doc docm docx dot dotx dwg dxf eml emf eps epub flac flv geojson gif glb
  gltf gpx gz heic heif htm html ico ics jar jpeg jpg js json jsonld key kml kmz log m3u8 m4a m4v md mid midi mjs mkv mobi mov mp3
  mp4 mpd mpeg mpg msg numbers obj odg odp ods odt oga ogg ogv opus otf p12 p7m p7s pages pdf pem pfx pkpass png potx pps ppsx ppt
  pptm pptx ps psd rar rss rtf sh sql srt step stl stp svg tar tif tiff toml torrent ts tsv ttf txt usdz vcf vsd vsdx vtt wasm wav
  weba webm webmanifest webp wma wmv woff woff2 xhtml xls xlsb xlsm xlsx xltx xml xps yaml yml zip`.split(/\s+/),
);

/** The table: each type with those of its extensions that `mime` resolves to it, by its first half. */
function table(isKept: (extension: string) => boolean): string {
  const groups = new Map<string, string[]>();
  for (const type of [...new Set([...Object.keys(standardTypes), ...Object.keys(otherTypes)])].toSorted()) {
    const extensions = [...(mime.getAllExtensions(type) ?? [])].filter(
      (extension) => mime.getType(extension) === type && isKept(extension),
    );
    if (extensions.length === 0) continue;
    const [first = "", second = ""] = type.split("/");
    const entry = [second.replace(/^vnd\./, "-"), ...extensions].join(" ");
    groups.set(first, [...(groups.get(first) ?? []), entry]);
  }
  return Array.from(groups, ([first, entries]) => `${first}/${entries.join(",")}`).join("\n");
}

const source =
  "// Made by `npm run media-types` from the table of the mime package (MIT License, Robert Kieffer). Not to be edited.";
write(
  "media-type-table.ts",
  `${source}

/**
 * A line for each first half of a media type: \`text/html html htm shtml,css css\`. A \`-\` before the second half stands for
 * \`vnd.\`. Text takes a quarter of the space that an object would, in a bundle and in memory.
 */
export const mediaTypeTable = \`${table(() => true)}\`;
`,
);
// `application/octet-stream` is the type of every other extension too.
write(
  "media-type-table.worker.ts",
  `${source}

/** The types that are downloaded most, in place of the whole table, in a bundle for Workers. */
export const mediaTypeTable = \`${table((extension) => common.has(extension) && mime.getType(extension) !== "application/octet-stream")}\`;
`,
);

function write(name: string, code: string): void {
  writeFileSync(new URL(`../src/http/${name}`, import.meta.url), code);
  console.log(`${name}: ${code.length} characters`);
}
