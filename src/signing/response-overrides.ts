import { ImproperlyConfiguredError } from "../errors.ts";
import type { DispositionType } from "../http/content-disposition.ts";
import { isMediaType } from "../http/media-type.ts";
import {
  cacheControlParameter,
  contentTypeParameter,
  dispositionParameter,
  filenameParameter,
} from "./signed-parameters.ts";
import type { ResponseOverrides } from "./url-verifier.ts";

/** @throws {ImproperlyConfiguredError} for what no header field may say */
export function overrideParameters(overrides: ResponseOverrides): [name: string, value: string | undefined][] {
  const { disposition, filename, contentType, cacheControl } = overrides;
  check("disposition", disposition, isDisposition);
  check("contentType", contentType, isMediaType);
  check("cacheControl", cacheControl, (value) => /^[\x20-\x7e]+$/.test(value));
  return [
    [dispositionParameter, disposition],
    // A file name may come from anywhere, so none is refused: Content-Disposition leaves out what it can't say.
    [filenameParameter, filename?.replace(/\p{Surrogate}/gu, "\ufffd") || undefined],
    [contentTypeParameter, contentType],
    [cacheControlParameter, cacheControl],
  ];
}

function check(name: string, value: string | undefined, isValid: (value: string) => boolean): void {
  if (value === undefined || isValid(value)) return;
  throw new ImproperlyConfiguredError(`Not a ${name} that a response can have: ${JSON.stringify(value)}`);
}

function isDisposition(value: string): value is DispositionType {
  return value === "attachment" || value === "inline";
}

/** What a verified URL says of the response, if anything. */
export function overridesOf(parameters: ReadonlyMap<string, string>): ResponseOverrides | undefined {
  const disposition = parameters.get(dispositionParameter);
  const filename = parameters.get(filenameParameter);
  const contentType = parameters.get(contentTypeParameter);
  const cacheControl = parameters.get(cacheControlParameter);
  const overrides = {
    ...(disposition !== undefined && isDisposition(disposition) && { disposition }),
    ...(filename !== undefined && { filename }),
    ...(contentType !== undefined && { contentType }),
    ...(cacheControl !== undefined && { cacheControl }),
  };
  return Object.keys(overrides).length === 0 ? undefined : overrides;
}
