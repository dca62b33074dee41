/** Paints `mountain-lake.png` and `avatar.png`: `npx tsx demo/seeds/make-picture.ts`. */
import { writeFile } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { height, landscapeAt, width } from "./landscape.ts";

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Red, green and blue of each pixel, row by row. */
function paint(frame: Frame): Buffer[] {
  const colorAt = landscapeAt(0.12);
  return Array.from({ length: frame.height }, (_, y) => {
    const row = Buffer.alloc(frame.width * 3);
    for (let x = 0; x < frame.width; x += 1) row.set(colorAt(frame.left + x, frame.top + y), x * 3);
    return row;
  });
}

/** PNG §9.2: each byte less the one to its left, or less the one above, whichever leaves the smaller differences. */
function filtered(row: Buffer, above: Buffer | undefined): Buffer {
  const left = row.map((byte, index) => byte - (row[index - 3] ?? 0));
  const up = row.map((byte, index) => byte - (above?.[index] ?? 0));
  const cost = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + Math.min(byte, 256 - byte), 0);
  return cost(left) <= cost(up) ? Buffer.concat([Buffer.of(1), left]) : Buffer.concat([Buffer.of(2), up]);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(data.length, 0);
  typed.copy(framed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}

function png(frame: Frame): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(frame.width, 0);
  header.writeUInt32BE(frame.height, 4);
  // Eight bits a channel; no alpha.
  header.set([8, 2], 8);
  const pixels = Buffer.concat(paint(frame).map((row, y, rows) => filtered(row, rows[y - 1])));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const whole = { left: 0, top: 0, width, height };
const aroundTheSun = { left: 720, top: 170, width: 288, height: 288 };
await writeFile(new URL("mountain-lake.png", import.meta.url), png(whole));
await writeFile(new URL("avatar.png", import.meta.url), png(aroundTheSun));
