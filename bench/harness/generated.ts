import { setTimeout as delay } from "node:timers/promises";
import { KIB, MIB } from "./fixtures.ts";

const CHUNK = Buffer.alloc(64 * KIB, "downloadview ");
const FIRST = Buffer.alloc(KIB, "first ");

export const THROUGHPUT_PATH = "/throughput";
export const THROUGHPUT_BYTES: number = 128 * MIB;
export const ROWS_PATH = "/rows";
const ROW_COUNT = 200_000;
const ROW_BYTES = 40;
export const ROWS_BYTES: number = ROW_COUNT * ROW_BYTES;
export const FIRST_BYTE_PATH = "/first-byte";
export const FIRST_BYTE_BYTES: number = 2 * FIRST.length;
/** The same, after some work. */
export const WORK_PATH = "/work";
const WORK_MILLISECONDS = 5;

/** The body that every server generates, chunk by chunk, for a path. */
export function generate(path: string): AsyncGenerator<Buffer<ArrayBuffer> | string> {
  if (path === ROWS_PATH) return generateRows();
  if (path === FIRST_BYTE_PATH) return generateSlowly();
  return path === WORK_PATH ? generateAfterWork() : generateMuch();
}

/** A line of CSV at a time, as an export that is written by hand does. */
async function* generateRows(): AsyncGenerator<string> {
  for (let id = 0; id < ROW_COUNT; id++) yield `${String(id).padStart(7)},${"name of a row".padEnd(ROW_BYTES - 9)}\n`;
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

async function* generateAfterWork(): AsyncGenerator<Buffer<ArrayBuffer>> {
  await delay(WORK_MILLISECONDS);
  yield* generateSlowly();
}
