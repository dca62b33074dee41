/** Writes src/http/media-type-table.ts and its small variant for Workers from the table of the `mime` package: `npm run media-types`. */
import { writeFileSync } from "node:fs";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";
import mime from "mime";

/** What people download most. Workers, whose bundles are to be small, know these alone. */
const common = new Set(
  `3gp 3g2 7z aac ai aif aiff apk apng appinstaller asc atom avi avif azw bin bmp c cer cjs com conf cpp crt css csv dae deb def
  der dicom dmg doc docm docx dot dotx dwg dxf ear eml emf eot eps epub exe f4v fbx flac flv gif glb gltf geojson gpx gz h heic
  heif htm html hqx icc ico ics in iso jar java jnlp jp2 jpeg jpg js json json5 jsonld jsx jxl key kml kmz less list log lua m3u
  m3u8 m4a m4b m4v map markdown md mdb mdx mid midi mjs mka mkv mml mobi mov mp3 mp4 mpd mpeg mpg mpga msg msi mts mxf numbers
  obj odb odc odf odg odp ods odt oga ogg ogv ogx onepkg opf opus otf otp ots ott oxps p12 p7c p7m p7s pages pcap pdf pem pfx
  pgp php pkg pkpass pl pm png pot potx pps ppsx ppt pptm pptx prc ps psd pub py qt rar rdf rpm rss rtf sass scss ser sgml sh sig
  sit sql srt stl step stp svg swf sxc sxw t tar tcl tex text tgz tif tiff toml torrent ts tsv ttc ttf ttl txt usdz vcard vcf
  vdx vsd vsdx vtt war wasm wav weba webm webmanifest webp wma wmf wmv woff woff2 wpd wri wsdl xht xhtml xls xlsb xlsm xlsx
  xltx xml xmp xpi xps xsd xsl xslt xspf xul yaml yml zip`.split(/\s+/),
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
