import { isCounted, type MetricFigures, together } from '../../observe/figures.ts';

/** So many that have ended are kept apart before they are added up. */
const MAX_APART = 8;

/** What each worker has counted when it was last heard of, and all that have ended: no count is lost or goes back. */
export class WorkerCounts {
  readonly #latest = new Map<number, readonly MetricFigures[]>();
  /** Of those that have ended; the first may be a sum of several. */
  #ended: (readonly MetricFigures[])[] = [];
  #isAdding = false;

  /** What a worker has counted until now. */
  heard(worker: number, figures: readonly MetricFigures[]): void {
    this.#latest.set(worker, figures);
  }

  /** A worker has ended and is not heard of any more. What it had at that moment, such as open streams, ends with it. */
  ended(worker: number): void {
    const counted = this.#latest.get(worker)?.filter(isCounted);
    this.#latest.delete(worker);
    if (counted) this.#ended.push(counted);
    if (this.#ended.length > MAX_APART && !this.#isAdding) void this.#addUp(); // never rejects
  }

  /** Drops what `keep` does not leave of those that have ended. */
  prune(keep: (figures: readonly MetricFigures[]) => readonly MetricFigures[]): void {
    this.#ended = this.#ended.map(keep);
  }

  get all(): (readonly MetricFigures[])[] {
    return [...this.#ended, ...this.#latest.values()];
  }

  async #addUp(): Promise<void> {
    this.#isAdding = true;
    const added = [...this.#ended];
    try {
      const sum = await together(added);
      // Meanwhile more may have ended, or some may have been pruned: then another time.
      if (added.every((figures, at) => this.#ended[at] === figures)) this.#ended.splice(0, added.length, sum);
    } catch {
      // Figures that can't be added up stay apart: the page adds them up again, and reports what is wrong with them.
    } finally {
      this.#isAdding = false;
    }
  }
}
