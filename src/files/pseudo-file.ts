import type { BigIntStats } from "node:fs";
import { fileSystemType } from "./local/file-system.ts";

/**
 * Linux file systems whose files are made when they are read, by their magic numbers (statfs(2), linux/magic.h): proc, sysfs,
 * debugfs, tracefs, securityfs, configfs, cgroup, cgroup2, pstore, bpf.
 */
const pseudoTypes: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0x27e0eb, 0x63677270, 0x6165676c, 0xcafe4a11,
]);

const known = new Map<bigint, Promise<boolean>>();

/**
 * Whether a file has bytes that its stat does not tell of: `/proc` says that each file is empty, `/sys` that it has 4096 bytes.
 * The file system is asked once a device, and only for a file that has no blocks and one of these sizes.
 */
export function isPseudoFile(path: string, { blocks, size, dev }: BigIntStats): Promise<boolean> | false {
  if (blocks !== 0n || (size !== 0n && size !== 4096n)) return false;
  let isPseudo = known.get(dev);
  if (!isPseudo) {
    isPseudo = fileSystemType(path).then(
      (type) => pseudoTypes.has(type),
      // The file is gone, or the runtime can't tell: asked again for the next one.
      () => !known.delete(dev),
    );
    known.set(dev, isPseudo);
  }
  return isPseudo;
}
