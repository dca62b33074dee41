/** HTTP's rules for downloads as pure functions, for applications that build their own responses. */
export {
  decide,
  evaluatePreconditions,
  ifRangeHolds,
  modificationTime,
  modifiedSince,
  type Decision,
  type PreconditionOptions,
  type PreconditionOutcome,
  type Representation,
  type RequestHead,
  type Validators,
} from "./decide.ts";
export {
  asFilename,
  basename,
  contentDisposition,
  parseContentDisposition,
  shortenFilename,
  type DispositionType,
  type ParsedContentDisposition,
} from "./content-disposition.ts";
export { formatHTTPDate, parseHTTPDate } from "./date.ts";
export { isRefusedDigest, parseReprDigest, reprDigest, wantedDigest } from "./digest.ts";
export { acceptedEncodings, isContentEncoding, preferredEncoding, type ContentCoding } from "./encoding.ts";
export {
  isEntityTag,
  isPlaceholderTime,
  nginxEntityTag,
  normalizeEntityTag,
  parseEntityTags,
  sendableEntityTag,
  strongMatch,
  weakMatch,
  type EntityTagCondition,
  type EntityTagFormat,
  type EntityTagInput,
} from "./etag.ts";
export { responseHead, type DescribedRepresentation, type ResponseHead } from "./head.ts";
export { HeaderFields, type HeaderFieldsInit } from "./header-fields.ts";
export { charsetOf, contentType, isActiveContent, isMediaType, mediaType } from "./media-type.ts";
export {
  contentRange,
  multipartBoundary,
  multipartByteRanges,
  parseRange,
  rangeLength,
  selectRanges,
  type ByteRange,
  type MultipartByteRanges,
  type MultipartOptions,
  type MultipartPart,
  type RangeSelection,
  type RangeSpec,
} from "./range.ts";
