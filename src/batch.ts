/**
 * Gathers what is alike within one turn of the event loop, and does it in one go at its end. What does it is then in the
 * processor's caches, where it would otherwise be fetched anew for each: on a busy gateway that is half of the cost.
 */
export class Batch<Item> {
  readonly #each: (item: Item) => void;
  #items: Item[] = [];

  /** `each` is called in the order of `add`, and must not throw. */
  constructor(each: (item: Item) => void) {
    this.#each = each;
  }

  add(item: Item): void {
    if (this.#items.length === 0) setImmediate(this.run);
    this.#items.push(item);
  }

  /** Does now what has been gathered. */
  readonly run = (): void => {
    const items = this.#items;
    if (items.length === 0) return;
    this.#items = [];
    for (const item of items) this.#each(item);
  };
}
