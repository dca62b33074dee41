/** HTTP's rules for downloads as pure functions, for those who build their own. */
export * from "./conditional.ts";
export * from "./content-disposition.ts";
export * from "./date.ts";
export * from "./decide.ts";
export * from "./digest.ts";
export * from "./encoding.ts";
export * from "./etag.ts";
export * from "./head.ts";
export * from "./header-fields.ts";
export * from "./media-type.ts";
export * from "./range.ts";
