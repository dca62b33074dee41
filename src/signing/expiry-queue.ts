interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** A binary heap of items by expiry. Adding and taking take time in the logarithm of its size. */
export class ExpiryQueue<T> {
  readonly #entries: Entry<T>[] = [];

  add(item: T, at: number): void {
    const entries = this.#entries;
    let place = entries.length;
    entries.push({ at, item });
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (entries[parent]!.at <= at) break;
      entries[place] = entries[parent]!;
      place = parent;
    }
    entries[place] = { at, item };
  }

  /** Removes and returns the item that expired first. Undefined if no item has expired. */
  takeExpired(now: number): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    if (first === undefined || first.at > now) return undefined;
    const last = entries.pop()!;
    if (entries.length > 0) this.#sink(last);
    return first.item;
  }

  #sink(entry: Entry<T>): void {
    const entries = this.#entries;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < entries.length && entries[child + 1]!.at < entries[child]!.at) child += 1;
      if (child >= entries.length || entries[child]!.at >= entry.at) break;
      entries[place] = entries[child]!;
      place = child;
    }
    entries[place] = entry;
  }
}
