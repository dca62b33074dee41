import type { FileHandle } from "node:fs/promises";
import type { KeptFolder } from "./folder.ts";
import type { PartFile } from "./part-file.ts";

/** Where a making writes, and what it may write there. */
export interface MakingHost {
  readonly folder: KeptFolder;
  /** Files that are longer are not kept. In bytes. */
  readonly maxBytes: number;
  /** Milliseconds after which a process that shows no sign of life is gone. */
  readonly lease: number;
  /** Makes room for so many bytes. Returns false if the folder is full. */
  makeRoom(bytes: number): Promise<boolean>;
  /** Told, of the disk, what kept a file from being kept. */
  onDiskError(error: unknown): void;
}

/** The disk is asked for room again after so many bytes. */
const roomStep = 64 * 1024 * 1024;

/**
 * Creates the file that a making writes.
 * @returns undefined if the disk, or its limits, leave no room for `size` bytes
 */
export async function createPart(host: MakingHost, nonce: string, size: number): Promise<FileHandle | undefined> {
  try {
    return (await host.makeRoom(size)) ? await host.folder.create(host.folder.part(nonce)) : undefined;
  } catch (error) {
    host.onDiskError(error);
    return undefined;
  }
}

/** Writes the next chunk. Returns false if the disk, or its limits, do not take it. */
export async function writeChunk(host: MakingHost, part: PartFile, chunk: Uint8Array): Promise<boolean> {
  const end = part.written + chunk.byteLength;
  try {
    if (end > host.maxBytes || !(await part.isOpen())) return false;
    const isNextStep = Math.floor(end / roomStep) > Math.floor(part.written / roomStep);
    if (isNextStep && !(await host.makeRoom(roomStep))) return false;
    await part.write(chunk);
    return true;
  } catch (error) {
    host.onDiskError(error);
    return false;
  }
}
