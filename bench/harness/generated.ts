import { setTimeout as delay } from "node:timers/promises";
import { KIB, MIB } from "./fixtures.ts";

const CHUNK = Buffer.alloc(64 * KIB, "downloadview ");
const FIRST = Buffer.alloc(KIB, "first ");

export const THROUGHPUT_PATH = "/throughput";
export const THROUGHPUT_BYTES: number = 128 * MIB;
export const FIRST_BYTE_PATH = "/first-byte";
export const FIRST_BYTE_BYTES: number = 2 * FIRST.length;

/** The body that every server generates, chunk by chunk, for a path. */
export function generate(path: string): AsyncGenerator<Buffer<ArrayBuffer>> {
  return path === FIRST_BYTE_PATH ? generateSlowly() : generateMuch();
}

async function* generateMuch(): AsyncGenerator<Buffer<ArrayBuffer>> {
  for (let sent = 0; sent < THROUGHPUT_BYTES; sent += CHUNK.length) yield CHUNK;
}

/** Whoever waits for the second chunk before sending the first is late by 20 ms. */
async function* generateSlowly(): AsyncGenerator<Buffer<ArrayBuffer>> {
  yield FIRST;
  await delay(20);
  yield FIRST;
}
