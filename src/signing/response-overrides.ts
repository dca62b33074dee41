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

/** @throws {ImproperlyConfiguredError} if a header field cannot have a value */
export function overrideParameters(overrides: ResponseOverrides): [name: string, value: string | undefined][] {
  const { disposition, filename, contentType, cacheControl } = overrides;
  check("disposition", disposition, isDisposition);
  check("contentType", contentType, isMediaType);
  check("cacheControl", cacheControl, (value) => /^[\x20-\x7e]+$/.test(value));
  return [
    [dispositionParameter, disposition],
    // A filename may come from a user, so none is refused: Content-Disposition omits characters that it cannot contain.
    [filenameParameter, filename?.replace(/\p{Surrogate}/gu, "\ufffd") || undefined],
    [contentTypeParameter, contentType],
    [cacheControlParameter, cacheControl],
  ];
}

const expected = {
  disposition: '"attachment" or "inline"',
  contentType: 'a media type, such as "text/plain; charset=utf-8"',
  cacheControl: "a value in printable ASCII",
};

function check(name: keyof typeof expected, value: string | undefined, isValid: (value: string) => boolean): void {
  if (value === undefined || isValid(value)) return;
  throw new ImproperlyConfiguredError(`response.${name} must be ${expected[name]}, got ${JSON.stringify(value)}`);
}

function isDisposition(value: string): value is DispositionType {
  return value === "attachment" || value === "inline";
}

/** Returns the overrides in a verified URL. Undefined if it has none. */
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
