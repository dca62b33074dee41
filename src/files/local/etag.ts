import { ImproperlyConfiguredError } from "../../errors.ts";
import type { EntityTagFormat } from "../../http/etag.ts";

/**
 * How the entity tag of a local file is made: by a function of its size and times, of its content (`"content"`), or not at
 * all (`false`).
 */
export type EntityTagOption = EntityTagFormat | "content" | false;

const variants = new WeakMap<EntityTagFormat, Map<string, EntityTagFormat>>();

/**
 * The same option for a compressed file beside another one. The coding is in its tag: after `gzip -k`, both files have one time,
 * and their sizes may be equal (RFC 9110 §8.8.3.3). Returns the same function every time, so that cached descriptions are found.
 */
export function variantEntityTag(option: EntityTagOption, coding: string): EntityTagOption {
  if (typeof option !== "function") return option;
  const known = variants.get(option) ?? new Map<string, EntityTagFormat>();
  variants.set(option, known);
  const format = known.get(coding) ?? ((file, now) => withCoding(option(file, now), coding));
  known.set(coding, format);
  return format;
}

function withCoding(etag: string, coding: string): string {
  return etag.endsWith('"') ? `${etag.slice(0, -1)}-${coding}"` : etag;
}

/** @throws {ImproperlyConfiguredError} for anything but an {@link EntityTagOption} */
export function assertEntityTagOption(option: unknown, owner: string): asserts option is EntityTagOption {
  if (typeof option === "function" || option === "content" || option === false) return;
  throw new ImproperlyConfiguredError(
    `${owner}: etag must be a function, "content" or false, got ${JSON.stringify(option)}`,
  );
}
