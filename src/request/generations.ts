/**
 * A memory for what comes from outside, which a flood neither fills for good nor empties. It holds two generations: when the
 * younger has its number of entries it becomes the elder, and the elder is forgotten; an entry that is found in the elder
 * moves to the younger. So what is asked for all the time stays known during a flood of others, and once that is over
 * what it left behind is forgotten.
 */
export class Generations<K, V> {
  readonly #bound: number;
  #young = new Map<K, V>();
  #old: ReadonlyMap<K, V> = new Map();

  /** `bound`: entries of one generation. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const earlier = this.#old.get(key);
    if (earlier !== undefined) this.set(key, earlier);
    return earlier;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#bound && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
