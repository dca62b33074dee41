/** What a runtime without a disk has. */
export { ArchiveDownloadView } from "./archive-download-view.ts";
export { ArchiveFile, type ArchiveOptions } from "./archive-file.ts";
export { safeEntryName } from "./entry-name.ts";
export { MemoryFingerprints, type Fingerprints } from "./fingerprints.ts";
export type { ArchiveEntries, ArchiveEntry } from "./member.ts";
export { MemorySelections, type MemorySelectionsOptions } from "./memory-selections.ts";
export { selections, type Selections, type SelectionsOptions, type SelectionStore } from "./selections.ts";
