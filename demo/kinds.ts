import { extname } from "node:path";
import { mediaType } from "downloadview/http";

/** How the page shows a document, and lets it be looked at. */
export interface Kind {
  /** What the icon says: at most four letters. */
  readonly badge: string;
  readonly color: "red" | "green" | "purple" | "blue" | "orange" | "gray";
  readonly type: string;
  /** What can show it in place, if anything can. */
  readonly preview: "image" | "video" | "audio" | "frame" | "sandbox" | "text" | "none";
}

type Looks = Pick<Kind, "color" | "preview">;

/** By media type, or by the beginning of one; the first that fits counts. */
const looks: readonly (readonly [type: string, looks: Looks])[] = [
  ["image/svg+xml", { color: "orange", preview: "sandbox" }],
  ["text/html", { color: "orange", preview: "sandbox" }],
  ["application/pdf", { color: "red", preview: "frame" }],
  ["image/", { color: "green", preview: "image" }],
  ["video/", { color: "purple", preview: "video" }],
  ["audio/", { color: "purple", preview: "audio" }],
  ["text/", { color: "blue", preview: "text" }],
  ["application/json", { color: "blue", preview: "text" }],
  ["", { color: "gray", preview: "none" }],
];

export function kindOf(filename: string): Kind {
  const type = mediaType(filename);
  const [, found] = looks.find(([start]) => type.startsWith(start)) ?? ["", { color: "gray", preview: "none" }];
  return { badge: extname(filename).slice(1, 5).toUpperCase() || "FILE", type, ...found };
}
