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
  readonly #defect: (error: unknown, where: string) => void;
  #destroyed = false;

  /** `defect` gets errors of parts that close in the background. */
  constructor(first: World, defect: (error: unknown, where: string) => void) {
    this.current = first;
    this.#defect = defect;
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
    this.#destroyed = true;
    const parts = [...this.#inUse].flatMap(({ assembly }) => [...assembly.parts]);
    await destroyAll(new Set([...parts, ...this.#closing]));
  }

  #release(world: World): void {
    this.#inUse.delete(world);
    for (const part of world.assembly.parts) {
      const isNeeded = [...this.#inUse].some(({ assembly }) => assembly.parts.has(part));
      if (!isNeeded) void this.#close(part); // never rejects
    }
  }

  async #close(part: Part): Promise<void> {
    this.#closing.add(part);
    try {
      await part.close();
    } catch (error) {
      // Once destroyed, undici rejects what still waits for its close.
      if (!this.#destroyed) this.#defect(error, 'close');
    } finally {
      this.#closing.delete(part);
    }
  }
}
