/** Turns the name of a target into the value of a header field. Undefined where the name cannot be sent. */
export type TargetEncoding = (target: string) => string | undefined;

/** Percent-encodes each segment, so that no `?`, `#` or `%` of a name means anything to the server. */
export const percentEncoded: TargetEncoding = (target) => {
  if (hasControls(target)) return undefined;
  try {
    return target.split("/").map(encodeURIComponent).join("/");
  } catch {
    // Half a surrogate pair has no bytes in UTF-8.
    return undefined;
  }
};

/** The bytes of the name, one character each: the form in which Node writes a header field byte by byte. */
export const rawBytes: TargetEncoding = (target) => {
  // A field's value loses the white space at its ends (RFC 9110 §5.5).
  if (hasControls(target) || target.trim() !== target || /\p{Surrogate}/u.test(target)) return undefined;
  return isAscii(target) ? target : bytesAsCharacters(new TextEncoder().encode(target));
};

// CR and LF would begin another field; h2o cuts a path at NUL; no other control is worth finding out.
function hasControls(target: string): boolean {
  return /[\0-\x1f\x7f]/.test(target);
}

function isAscii(target: string): boolean {
  return /^[\x20-\x7e]*$/.test(target);
}

function bytesAsCharacters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
