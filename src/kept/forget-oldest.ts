/** Removes the entry that was set first. */
export function forgetOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) return void map.delete(key);
}

/** How many entries a map by key may have. */
export const maxRemembered = 10_000;
