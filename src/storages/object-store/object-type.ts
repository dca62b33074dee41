import { contentType, mediaType } from "../../http/media-type.ts";

/** What stores call an object that nobody gave a type. It says less than the name does. */
const unknownTypes = new Set(["application/octet-stream", "binary/octet-stream"]);

/** The type that a store knows of an object, if it does. */
export function knownType(type: string | undefined): string | undefined {
  return type === undefined || type === "" || unknownTypes.has(type.toLowerCase()) ? undefined : type;
}

/**
 * The type to keep an object under, so that a presigned URL without one gives it as well: the same as a file on a disk has.
 * There is always one, since some stores make up another for an object that has none, such as `application/xml`.
 */
export function typeToKeep(type: string | undefined, name: string): string {
  return type ?? contentType(mediaType(name));
}
