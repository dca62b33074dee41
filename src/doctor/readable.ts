import { stat } from "node:fs/promises";
import { dirname } from "node:path";

const otherMayRead = 0o004;
const otherMayEnter = 0o001;

/**
 * Returns the commands that let a server with another user read a file of this machine. Empty if its user may read it
 * already, or if the file is not on this machine.
 */
export async function commandsToRead(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  const closed = await Promise.all(
    foldersOf(path).map(async (folder) => ((await lacks(folder, otherMayEnter)) ? folder : [])),
  );
  return [
    ...closed.flat().map((folder) => `chmod o+x ${shellQuoted(folder)}`),
    ...((await lacks(path, otherMayRead)) ? [`chmod o+r ${shellQuoted(path)}`] : []),
  ];
}

async function lacks(path: string, bit: number): Promise<boolean> {
  // A file that cannot be looked at says nothing.
  const mode = await stat(path).then(
    (found) => found.mode,
    () => bit,
  );
  return (mode & bit) === 0;
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...foldersOf(folder), folder];
}

function shellQuoted(path: string): string {
  return /^[\w/.@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
