const pieceSize = 1 << 20;

/**
 * A strong entity tag (RFC 9110 §8.8.3) made of the bytes themselves: the same content has the same tag in every
 * process. It is SHA-256 over the SHA-256 of each MiB, because Web Crypto copies what it is given: no copy is large, and
 * the hashing itself happens beside the event loop.
 */
export async function bytesEntityTag(bytes: Uint8Array): Promise<string> {
  const digests: Uint8Array[] = [];
  for (let start = 0; start < bytes.byteLength; start += pieceSize) {
    digests.push(await sha256(bytes.subarray(start, start + pieceSize)));
  }
  const all = new Uint8Array(digests.length * 32);
  digests.forEach((digest, index) => all.set(digest, index * 32));
  return `"${hex((await sha256(all)).subarray(0, 16))}"`;
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
