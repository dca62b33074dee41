/** Encodes the name of a target as the value of a header field. Returns undefined if the field cannot hold the name. */
export type TargetEncoding = (target: string) => string | undefined;

/** Percent-encodes each segment, so that the server does not interpret `?`, `#` or `%` in a name. */
export const percentEncoded: TargetEncoding = (target) => {
  if (hasControls(target)) return undefined;
  try {
    return target.split("/").map(encodeURIComponent).join("/");
  } catch {
    // A lone surrogate has no bytes in UTF-8.
    return undefined;
  }
};

/** Turns each byte of the name into one character, because Node writes each character of a header field as one byte. */
export const rawBytes: TargetEncoding = (target) => {
  // Recipients remove white space at both ends of a field value (RFC 9110 §5.5).
  if (hasControls(target) || target.trim() !== target || /\p{Surrogate}/u.test(target)) return undefined;
  return isAscii(target) ? target : bytesAsCharacters(new TextEncoder().encode(target));
};

// CR and LF would begin another field, and h2o cuts a path at NUL. Other control characters are refused as a precaution.
function hasControls(target: string): boolean {
  return /[\0-\x1f\x7f]/.test(target);
}

function isAscii(target: string): boolean {
  return /^[\x20-\x7e]*$/.test(target);
}

function bytesAsCharacters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
