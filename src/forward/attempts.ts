import { isConnectFailure } from './connect.ts';
import { isBrokenConnection } from './failure.ts';
import type { Target } from './target.ts';

/** Whether a request that has failed may be sent again, and which targets have failed it. */
export class Attempts {
  #retries: number;
  readonly #targets: number;
  #failed: readonly Target[] = [];

  /** `retries`: how often it may be sent again although something of it was sent. `targets`: how many there are. */
  constructor(retries: number, targets: number) {
    this.#retries = retries;
    this.#targets = targets;
  }

  allow(error: Error, bodyHasBegun: boolean): boolean {
    // Nothing was sent, whatever the method: any other target will do. Each is tried once.
    if (isConnectFailure(error) && !bodyHasBegun && this.#failed.length < this.#targets - 1) return true;
    if (this.#retries === 0 || !isBrokenConnection(error)) return false;
    this.#retries -= 1;
    return true;
  }

  /** Answers the targets that have failed it, this one among them from now on. */
  countOut(target: Target | undefined): readonly Target[] {
    if (target !== undefined) this.#failed = [...this.#failed, target];
    return this.#failed;
  }
}
