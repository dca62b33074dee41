/** Sets `options` on `target`, but for those that are undefined: an option that is undefined is one that is absent. */
export function assignGiven<T extends object>(target: T, options: object): T {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) (target as Record<string, unknown>)[name] = value;
  }
  return target;
}
