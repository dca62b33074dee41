/**
 * A map of what this package knows of the objects of others: requests, responses. Every copy of the package in a
 * process gets the same map by the same name, as one application may load two (ESM beside CommonJS, a dependency's own
 * version). What such a map holds is therefore plain data or functions, and keeps its form across versions.
 */
export function sharedWeakMap<K extends object, V>(name: string): WeakMap<K, V> {
  const holder = globalThis as { [name: symbol]: WeakMap<K, V> | undefined };
  return (holder[Symbol.for(`downloadview.${name}`)] ??= new WeakMap());
}
