import { destroyAll, type Part } from '../assembly.ts';
import type { World } from './world.ts';

/** The world that requests meet, and what is left of those before: a part ends when the last world that has it is left. */
export class Worlds {
  /** Read once for each request. */
  current: World;
  /** This one, and those in which requests still wait. */
  readonly #inUse = new Set<World>();
  /** Parts that let requests come to their end. */
  readonly #closing = new Set<Part>();

  constructor(first: World) {
    this.current = first;
    this.#inUse.add(first);
  }

  /** From now on requests meet this world; those on their way finish in theirs. */
  change(next: World): void {
    const before = this.current;
    this.current = next;
    this.#inUse.add(next);
    before.retire(() => this.#release(before));
  }

  /** Ends every part at once. */
  async destroy(): Promise<void> {
    const parts = [...this.#inUse].flatMap(({ assembly }) => [...assembly.parts]);
    await destroyAll(new Set([...parts, ...this.#closing]));
  }

  #release(world: World): void {
    this.#inUse.delete(world);
    for (const part of world.assembly.parts) {
      const isNeeded = [...this.#inUse].some(({ assembly }) => assembly.parts.has(part));
      if (!isNeeded) void this.#close(part);
    }
  }

  async #close(part: Part): Promise<void> {
    this.#closing.add(part);
    try {
      await part.close();
    } catch {
      // It was destroyed meanwhile, which undici tells whoever waits for its close.
    } finally {
      this.#closing.delete(part);
    }
  }
}
