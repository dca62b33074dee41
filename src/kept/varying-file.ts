import type { FileStat } from "../files/download-file.ts";

/** One for each description that a file returns again and again: what is derived of it is derived once. */
const varying = new WeakMap<FileStat, FileStat>();

/**
 * The description of one of several forms of a file, which is chosen by `Accept-Encoding`.
 * @param path where the bytes are. Undefined: where the file says
 */
export function varyingStat(stat: FileStat, path?: string): FileStat {
  const known = varying.get(stat);
  if (known && known.path === (path ?? stat.path)) return known;
  const varied = Object.freeze({ ...stat, vary: "Accept-Encoding", ...(path === undefined ? {} : { path }) });
  if (Object.isFrozen(stat)) varying.set(stat, varied);
  return varied;
}
