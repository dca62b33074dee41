import type { KeptFiles } from "./kept-files.ts";
import type { KeptStore } from "./kept-store.ts";

const stores = new WeakMap<KeptFiles, KeptStore>();

/** What is behind a {@link KeptFiles}: not a part of its public class. */
export function storeOf(kept: KeptFiles): KeptStore {
  return stores.get(kept)!;
}

export function setStore(kept: KeptFiles, store: KeptStore): void {
  stores.set(kept, store);
}
