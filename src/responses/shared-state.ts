/**
 * Returns a map from objects of other packages (requests, responses) to what this package knows of them. All copies of this
 * package in a process share the map of a name: an application may load two, as ESM and CommonJS, or in two versions. A map
 * therefore holds plain data or functions, and keeps its form across versions.
 */
export function sharedWeakMap<K extends object, V>(name: string): WeakMap<K, V> {
  const holder = globalThis as { [name: symbol]: WeakMap<K, V> | undefined };
  return (holder[Symbol.for(`downloadview.${name}`)] ??= new WeakMap());
}
