/** CRC-32 of `bytes`, unsigned, continued from `previous`: the checksum that ZIP keeps of each file (APPNOTE 4.4.7). */
export type CRC32 = (bytes: Uint8Array, previous?: number) => number;

interface Zlib {
  crc32?: CRC32;
}

// Not imported: worker runtimes have no `node:zlib`, and this file runs there as well.
const zlib = (
  globalThis as { process?: { getBuiltinModule?(name: string): Zlib | undefined } }
).process?.getBuiltinModule?.("node:zlib");

/** Uses Node's native implementation if there is one (20.15 and later): it is three to four times as fast. */
export const crc32: CRC32 = zlib?.crc32 ?? crc32InJavaScript;

const polynomial = 0xedb88320;

/** `tables[k][b]` is the checksum of byte `b` followed by `k` zero bytes: eight bytes take eight look-ups. */
const tables: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
  const made = [first];
  for (let zeros = 1; zeros < 8; zeros += 1) {
    const previous = made[zeros - 1]!;
    made.push(previous.map((value) => (value >>> 8) ^ first[value & 0xff]!));
  }
  return made;
}

/** The same for runtimes without Node's zlib. */
export function crc32InJavaScript(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = ~previous;
  let at = 0;
  for (const end = bytes.byteLength - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.byteLength; at += 1) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
