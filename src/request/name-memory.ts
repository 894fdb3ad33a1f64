import { Generations } from './generations.ts';

/** Names in each generation, and the longest one that is remembered. */
export const BOUND = { names: 1000, length: 64 };

/** Remembers what a name from outside means: those that requests have all the time, whatever else comes. */
export class NameMemory<T> extends Generations<string, T> {
  constructor() {
    super(BOUND.names);
  }

  override set(name: string, meaning: T): void {
    if (name.length <= BOUND.length) super.set(name, meaning);
  }
}
