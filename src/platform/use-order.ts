/** What stands in an order of use; only the order changes its links. */
export interface Used<Item> {
  older: Item | undefined;
  newer: Item | undefined;
}

/** Items in the order of their last use, a linked list: every change takes constant time. */
export class UseOrder<Item extends Used<Item>> {
  oldest: Item | undefined;
  #newest: Item | undefined;

  /** Takes in an item that is in no order, as the one used last. */
  add(item: Item): void {
    item.older = this.#newest;
    item.newer = undefined;
    if (this.#newest === undefined) this.oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  remove(item: Item): void {
    const { older, newer } = item;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  /** Lets go of all items. */
  clear(): void {
    this.oldest = undefined;
    this.#newest = undefined;
  }

  /** Notes that an item was used. */
  renew(item: Item): void {
    if (item === this.#newest) return;
    this.remove(item);
    this.add(item);
  }
}
