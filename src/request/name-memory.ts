/** Names in each generation, and the longest one that is remembered. */
export const BOUND = { names: 1000, length: 64 };

/**
 * Remembers what a name from outside means. It holds two generations: when the younger one is full it becomes the elder,
 * and the elder is forgotten; a name that is found in the elder moves to the younger. So a flood of invented names takes
 * no more than two generations, is forgotten once it is over, and names that requests have all the time stay known.
 */
export class NameMemory<T> {
  #young = new Map<string, T>();
  #old: ReadonlyMap<string, T> = new Map();

  /** How many names are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(name: string): T | undefined {
    const known = this.#young.get(name);
    if (known !== undefined) return known;
    const earlier = this.#old.get(name);
    if (earlier !== undefined) this.set(name, earlier);
    return earlier;
  }

  set(name: string, meaning: T): void {
    if (name.length > BOUND.length) return;
    if (this.#young.size >= BOUND.names) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, meaning);
  }
}
